{{/*
What is the same for all pods. root; role, its label; account, whose Secret; values, those of the role;
command, the arguments of mediview; spec, further lines of the container; restartPolicy.
*/}}
{{- define "mediview.pod" -}}
{{- $root := .root -}}
{{- $v := $root.Values -}}
metadata:
  labels:
    {{- include "mediview.selector" . | nindent 4 }}
    {{- with $v.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $v.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- $makesJobs := include "mediview.makesJobs" . }}
  automountServiceAccountToken: false
  {{- if $makesJobs }}
  serviceAccountName: {{ include "mediview.name" $root }}-containers
  {{- end }}
  # Variables such as MEDIVIEW_DICOM_PORT=tcp://…, made from Services, would be taken for settings.
  enableServiceLinks: false
  {{- with .restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  {{- with .values.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- with .values.terminationGracePeriodSeconds }}
  terminationGracePeriodSeconds: {{ . }}
  {{- end }}
  {{- with $v.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  {{- with .values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if not .restartPolicy }}
  # Two pods of a role on one node only where there is no other node.
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "mediview.selector" . | nindent 10 }}
  {{- end }}
  {{- if and (eq .role "backup") (eq $v.mode "embedded") }}
  # The claim of the node is mounted on one machine at a time.
  affinity:
    podAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        - topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "mediview.selector" (dict "root" $root "role" "node") | nindent 14 }}
  {{- end }}
  containers:
    - name: mediview
      args: {{ toJson .command }}
      {{- include "mediview.container" . | nindent 6 }}
  volumes:
    {{- /* Without a claim that exists the template of the StatefulSet's claim is the volume. */}}
    {{- if $v.data.perPod }}
    {{- if eq .role "migrate" }}
    - name: data
      emptyDir: {}
    {{- else if eq .role "backup" }}
    - name: data
      persistentVolumeClaim:
        claimName: {{ include "mediview.name" $root }}-backup
    {{- end }}
    - name: keys
      secret:
        secretName: {{ $v.secrets.keys | default (printf "%s-keys" (include "mediview.name" $root)) }}
        defaultMode: 0440
    {{- else if or (eq $v.mode "full") $v.data.existingClaim }}
    - name: data
      persistentVolumeClaim:
        claimName: {{ required "data.existingClaim is needed in full mode: all roles keep their files in it (docs/kubernetes.md)." $v.data.existingClaim }}
    {{- else if eq .role "backup" }}
    - name: data
      persistentVolumeClaim:
        # As the StatefulSet names what its template makes.
        claimName: data-{{ include "mediview.name" $root }}-0
    {{- end }}
    {{- with $v.models.existingClaim }}
    - name: models
      persistentVolumeClaim:
        claimName: {{ . }}
        readOnly: true
    {{- end }}
    - name: secrets
      secret:
        secretName: {{ include "mediview.secret" . }}
        defaultMode: 0440
        {{- if eq $v.mode "embedded" }}
        optional: true
        {{- end }}
    {{- with $v.tls.existingSecret }}
    - name: tls
      secret:
        secretName: {{ . }}
        defaultMode: 0440
    {{- end }}
    {{- with $v.siteFiles.existingConfigMap }}
    - name: site
      configMap:
        name: {{ . }}
    {{- end }}
    {{- if $makesJobs }}
    - name: exchange
      persistentVolumeClaim:
        claimName: {{ $v.containers.claim }}
    - name: account
      projected:
        defaultMode: 0440
        sources:
          - serviceAccountToken: {path: token, expirationSeconds: 3600}
          - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
    {{- end }}
    - name: tmp
      emptyDir:
        sizeLimit: 10Gi
{{- end }}

{{- define "mediview.container" -}}
{{- $v := .root.Values -}}
image: {{ include "mediview.image" (dict "root" .root "role" .role "image" .values.image) }}
imagePullPolicy: {{ $v.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
env:
  {{- range $name, $value := include "mediview.settings" . | fromYaml }}
  - name: {{ $name }}
    value: {{ $value | toString | quote }}
  {{- end }}
resources:
  {{- toYaml .values.resources | nindent 2 }}
{{- with .spec }}
{{ . }}
{{- end }}
volumeMounts:
  - name: data
    mountPath: /data
  {{- if $v.models.existingClaim }}
  - name: models
    mountPath: /models
    readOnly: true
  {{- end }}
  - name: secrets
    mountPath: /run/secrets/mediview
    readOnly: true
  {{- if $v.data.perPod }}
  - name: keys
    mountPath: /run/secrets/mediview-keys
    readOnly: true
  {{- end }}
  {{- if $v.tls.existingSecret }}
  - name: tls
    mountPath: /etc/mediview/tls
    readOnly: true
  {{- end }}
  {{- if $v.siteFiles.existingConfigMap }}
  - name: site
    mountPath: /etc/mediview/site
    readOnly: true
  {{- end }}
  {{- if include "mediview.makesJobs" . }}
  - name: exchange
    mountPath: /exchange
  - name: account
    mountPath: /var/run/secrets/kubernetes.io/serviceaccount
    readOnly: true
  {{- end }}
  - name: tmp
    mountPath: /tmp
{{- end }}

{{/* Of the workers that run models, where these may be containers. */}}
{{- define "mediview.makesJobs" -}}
{{- if and .root.Values.containers.enabled (has .role (list "worker-jobs" "worker-gpu")) }}yes{{ end }}
{{- end }}

{{/* By name: what the chart sets, over it the site's settings, over these the role's. */}}
{{- define "mediview.settings" -}}
{{- $v := .root.Values -}}
{{- $own := dict
  "MEDIVIEW_DATA_DIR" "/data/mediview"
  "MEDIVIEW_SECRETS_DIR" "/run/secrets/mediview"
  "MEDIVIEW_SIGNS_OF_LIFE_DIR" "/tmp/signs"
  "MEDIVIEW_AUTH" "required"
  "MEDIVIEW_TRUSTED_NETWORK" "true"
  "MEDIVIEW_LOG_FORMAT" "json"
  "MEDIVIEW_HTTP_HOST" "0.0.0.0"
  "MEDIVIEW_HTTP_PORT" "8000"
  "MEDIVIEW_DICOM_HOST" "0.0.0.0"
  "MEDIVIEW_DICOM_PORT" (toString $v.scp.port)
  "MEDIVIEW_DICOM_PLAIN" (toString $v.scp.plain)
-}}
{{- if $v.data.perPod -}}
{{- $_ := set $own "MEDIVIEW_OWN_DISKS" "true" -}}
{{- $_ := set $own "MEDIVIEW_HOST_KEYS_DIR" "/run/secrets/mediview-keys" -}}
{{- end -}}
{{- if $v.models.existingClaim }}{{ $_ := set $own "MEDIVIEW_MODELS_DIR" "/models" }}{{ end -}}
{{- with $v.publicUrl }}{{ $_ := set $own "MEDIVIEW_PUBLIC_URL" . }}{{ end -}}
{{- with $v.api.trustedProxies }}{{ $_ := set $own "MEDIVIEW_TRUSTED_PROXIES" (join "," .) }}{{ end -}}
{{- if $v.scp.tlsPort }}{{ $_ := set $own "MEDIVIEW_DICOM_TLS_PORT" (toString $v.scp.tlsPort) }}{{ end -}}
{{- if $v.tls.existingSecret -}}
{{- $_ := set $own "MEDIVIEW_TLS_CERTIFICATE" "/etc/mediview/tls/tls.crt" -}}
{{- $_ := set $own "MEDIVIEW_TLS_KEY" "/etc/mediview/tls/tls.key" -}}
{{- $_ := set $own "MEDIVIEW_TLS_CA" "/etc/mediview/tls/ca.crt" -}}
{{- end -}}
{{- if $v.hl7.enabled -}}
{{- $_ := set $own "MEDIVIEW_HL7_HOST" "0.0.0.0" -}}
{{- $_ := set $own "MEDIVIEW_HL7_PORT" (toString $v.hl7.port) -}}
{{- end -}}
{{- if $v.containers.enabled -}}
{{- $_ := set $own "MEDIVIEW_CONTAINER_ENGINE" "kubernetes" -}}
{{- $_ := set $own "MEDIVIEW_CONTAINER_NAMESPACE" ($v.containers.namespace | default .root.Release.Namespace) -}}
{{- $_ := set $own "MEDIVIEW_CONTAINER_CLAIM" ($v.containers.jobsClaim | default $v.containers.claim) -}}
{{- $_ := set $own "MEDIVIEW_CONTAINER_EXCHANGE_DIR" "/exchange" -}}
{{- with $v.containers.runtimeClassName }}{{ $_ := set $own "MEDIVIEW_CONTAINER_RUNTIME_CLASS" . }}{{ end -}}
{{- $pull := list -}}
{{- range $v.containers.imagePullSecrets }}{{ $pull = append $pull .name }}{{ end -}}
{{- with $pull }}{{ $_ := set $own "MEDIVIEW_CONTAINER_PULL_SECRETS" (join "," .) }}{{ end -}}
{{- end -}}
{{- if $v.workers.gpu.enabled }}{{ $_ := set $own "MEDIVIEW_GPU_PIPELINES" (required "workers.gpu.pipelines is needed: which pipelines the GPU workers run." $v.workers.gpu.pipelines) }}{{ end -}}
{{- if $v.workers.interactive.enabled }}{{ $_ := set $own "MEDIVIEW_INTERACTIVE_SESSIONS" (toString $v.workers.interactive.sessions) }}{{ end -}}
{{- mergeOverwrite $own (deepCopy $v.settings) (deepCopy (.values.settings | default dict)) | toYaml -}}
{{- end }}

{{/* A claim for each pod of a StatefulSet: root, role, size. */}}
{{- define "mediview.claims" -}}
persistentVolumeClaimRetentionPolicy:
  whenDeleted: Retain
  whenScaled: Retain
volumeClaimTemplates:
  - metadata:
      name: data
      labels:
        {{- include "mediview.selector" . | nindent 8 }}
    spec:
      accessModes: [ReadWriteOnce]
      {{- with .root.Values.data.storageClassName }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests:
          storage: {{ .size }}
{{- end }}

{{/* Probes of a process that listens on TCP: root, port. */}}
{{- define "mediview.portProbes" -}}
{{- $command := list "mediview-probe" "port" (toString .port) -}}
# A database that is away at the start is waited for, ten minutes.
startupProbe:
  exec: {command: {{ toJson $command }}}
  periodSeconds: 5
  timeoutSeconds: 10
  failureThreshold: 120
# It is restarted where it accepts connections and serves none, and for nothing that is elsewhere.
livenessProbe:
  exec: {command: {{ toJson $command }}}
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: 3
readinessProbe:
  exec: {command: {{ toJson $command }}}
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 2
{{- end }}

{{/* Probes of a process that listens nowhere: sign, the name of its sign of life. */}}
{{- define "mediview.signProbes" -}}
{{- $command := list "mediview-probe" "sign" (printf "/tmp/signs/%s" .sign) "--within" "60" -}}
startupProbe:
  exec: {command: {{ toJson $command }}}
  periodSeconds: 5
  timeoutSeconds: 10
  failureThreshold: 120
livenessProbe:
  exec: {command: {{ toJson $command }}}
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: 3
{{- end }}

{{/* Probes of the HTTP server. */}}
{{- define "mediview.httpProbes" -}}
startupProbe:
  httpGet: {path: /startupz, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 120
livenessProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
# Not ready while it stops, and while database, object store or disk take nothing in.
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end }}

{{- define "mediview.dicomPorts" -}}
{{- if .Values.scp.plain }}
- {name: dicom, containerPort: {{ .Values.scp.port }}, protocol: TCP}
{{- end }}
{{- if .Values.scp.tlsPort }}
- {name: dicom-tls, containerPort: {{ .Values.scp.tlsPort }}, protocol: TCP}
{{- end }}
{{- end }}

{{/* The port that shows whether DICOM is served. */}}
{{- define "mediview.dicomPort" -}}
{{ ternary .Values.scp.port .Values.scp.tlsPort .Values.scp.plain }}
{{- end }}
