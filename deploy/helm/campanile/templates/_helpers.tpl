{{- define "campanile.labels" -}}
app.kubernetes.io/name: campanile
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "campanile.name" -}}
{{ printf "%s-campanile" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}
