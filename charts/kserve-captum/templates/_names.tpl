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
