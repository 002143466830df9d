{{- define "mediview.name" -}}
{{- if contains "mediview" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-mediview" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "mediview.selector" -}}
app.kubernetes.io/name: mediview
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "mediview.labels" -}}
{{ include "mediview.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* What names all pods of the release. */}}
{{- define "mediview.all" -}}
app.kubernetes.io/name: mediview
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Of a role: that of the roles which compute no models, or the complete one, and over it what the role names. */}}
{{- define "mediview.image" -}}
{{- $image := deepCopy .root.Values.image -}}
{{- if has .role (list "scp" "api" "hl7" "worker-control" "beat" "migrate" "backup") -}}
{{- $core := .root.Values.coreImage -}}
{{- if $core.digest -}}
{{- $_ := set $image "digest" $core.digest -}}
{{- else if not $image.digest -}}
{{- $_ := set $image "tag" ($core.tag | default (printf "%s-core" ($image.tag | default .root.Chart.AppVersion))) -}}
{{- end -}}
{{- with $core.repository }}{{ $_ := set $image "repository" . }}{{ end -}}
{{- end -}}
{{- $image = mergeOverwrite $image (.image | default dict) -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* Of a role in full mode: a StatefulSet where each pod has a disk of its own. */}}
{{- define "mediview.kind" -}}
{{ ternary "StatefulSet" "Deployment" .Values.data.perPod }}
{{- end }}

{{/* The Secret of a role: owner, scp, api, worker or control. */}}
{{- define "mediview.secret" -}}
{{ index .root.Values.secrets .account | default (printf "%s-%s" (include "mediview.name" .root) .account) }}
{{- end }}
