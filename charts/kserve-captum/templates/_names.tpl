{{/* KServe copies an InferenceService's labels to its pods: the chart's version among them would restart all at an upgrade. */}}
{{- define "kserve-captum.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "kserve-captum.host" -}}
{{ .Release.Name }}-{{ .Release.Namespace }}.{{ .Values.domain }}
{{- end }}

{{- define "kserve-captum.tag" -}}
{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The labels that KServe gives a component's pods: (list . "predictor") */}}
{{- define "kserve-captum.pods" -}}
serving.kserve.io/inferenceservice: {{ (index . 0).Release.Name }}
component: {{ index . 1 }}
{{- end }}

{{/* The routes of the service: KServe's, one a host, and ours. */}}
{{- define "kserve-captum.routes" -}}
{{- range $suffix := list "" "-predictor" "-explainer" "-captum" -}}
- {group: gateway.networking.k8s.io, kind: HTTPRoute, name: {{ $.Release.Name }}{{ $suffix }}}
{{ end }}
{{- end }}

{{/* Where a component's pods run: its values. */}}
{{- define "kserve-captum.scheduling" -}}
{{- with .nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- end }}
