{{/* What the schema cannot say, or could say in no sentence. */}}
{{- define "kserve-captum.check" -}}
{{- $name := .Release.Name }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) }}
{{- fail (printf "The release is named %q; expected small letters, digits and dashes, a letter first: KServe names the InferenceService's Services after it." $name) }}
{{- end }}
{{- $length := add (len $name) (len .Release.Namespace) }}
{{- if gt $length 52 }}
{{- fail (printf "The release's name %q and its namespace %q have %d characters together; expected at most 52: KServe makes one label of a host name, NAME-predictor-NAMESPACE, of both, and 63 are allowed." $name .Release.Namespace $length) }}
{{- end }}
{{- $sources := list }}
{{- range $source := list "bakedIn" "pvc" "uri" }}
{{- if index $.Values.model $source }}
{{- $sources = append $sources (printf "model.%s" $source) }}
{{- end }}
{{- end }}
{{- if ne (len $sources) 1 }}
{{- fail (printf "The model's source is %s; expected one of model.bakedIn, model.pvc and model.uri." (empty $sources | ternary "missing" (join " and " $sources))) }}
{{- end }}
{{- end }}
