//! Rules about the Kubernetes manifests: what a pod may do, what it is asked, and that names agree across files.
//!
//! Knows nothing of the schema: a cluster does (`kubectl apply --dry-run=server`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::yaml::{list, text};
use super::{Checked, Desk, verdict, yaml};
use crate::files;

const PORT: u64 = 9464;
/// Settings that must never stand in a manifest as plain text.
const SECRETS: [&str; 3] = ["RAPID7_API_KEY", "METRICS_TOKEN", "OTEL_EXPORTER_OTLP_HEADERS"];

/// Judges every manifest by itself, then all together.
pub(super) fn keep_rules(desk: &Desk) -> Checked {
    let mut documents = Vec::new();
    for path in files::of(&desk.files.join("kubernetes"))? {
        documents.extend(yaml::documents(desk, &path)?);
    }
    let mut faults: Vec<String> = documents.iter().flat_map(document_faults).collect();
    faults.extend(together(&documents));
    let kinds: Vec<&str> = documents.iter().map(|document| text(document, "/kind")).collect();
    verdict(&faults, kinds.join(", "))
}

fn document_faults(document: &Value) -> Vec<String> {
    let kind = text(document, "/kind");
    let mut faults = Vec::new();
    for pointer in ["/apiVersion", "/kind", "/metadata/name"] {
        if text(document, pointer).is_empty() {
            faults.push(format!("{kind} has no {pointer}"));
        }
    }
    if let Some(pod) = pod(document) {
        faults.extend(pod_faults(kind, pod));
    }
    let wants: &[(&str, Value)] = match kind {
        "Deployment" => {
            &[("/spec/replicas", Value::from(1)), ("/spec/strategy/type", Value::from("Recreate"))]
        }
        "CronJob" => &[("/spec/concurrencyPolicy", Value::from("Forbid"))],
        _ => &[],
    };
    faults.extend(differing(kind, document, wants));
    if kind == "Deployment" {
        faults.extend(probes(document));
    }
    faults
}

/// What a pod is made by, of a kind that makes pods.
fn pod(document: &Value) -> Option<&Value> {
    let templates = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];
    templates.iter().find_map(|pointer| document.pointer(pointer))
}

fn pod_faults(kind: &str, pod: &Value) -> Vec<String> {
    let wants = [
        ("/securityContext/runAsNonRoot", Value::from(true)),
        ("/securityContext/seccompProfile/type", Value::from("RuntimeDefault")),
        ("/automountServiceAccountToken", Value::from(false)),
    ];
    let mut faults = differing(kind, pod, &wants);
    for container in list(pod, "/containers") {
        let wants = [
            ("/securityContext/readOnlyRootFilesystem", Value::from(true)),
            ("/securityContext/allowPrivilegeEscalation", Value::from(false)),
            ("/securityContext/capabilities/drop/0", Value::from("ALL")),
            ("/resources/limits/memory", Value::from("512Mi")),
        ];
        faults.extend(differing(kind, container, &wants));
        if text(container, "/resources/requests/memory").is_empty() {
            faults.push(format!("{kind} asks for no memory"));
        }
        let image = text(container, "/image");
        if !image.rsplit('/').next().is_some_and(|name| name.contains(':')) || image.ends_with(":latest") {
            faults.push(format!("{kind} runs an image without a version: {image}"));
        }
        let plain = list(container, "/env").into_iter().filter(|variable| variable.get("value").is_some());
        let secret = plain.map(|variable| text(variable, "/name")).filter(|name| SECRETS.contains(name));
        faults.extend(secret.map(|name| format!("{kind} has {name} in plain text")));
    }
    faults
}

fn probes(document: &Value) -> Vec<String> {
    let wants = [
        ("/livenessProbe/httpGet/path", Value::from("/livez")),
        ("/startupProbe/httpGet/path", Value::from("/livez")),
        ("/readinessProbe/httpGet/path", Value::from("/readyz")),
        ("/ports/0/containerPort", Value::from(PORT)),
    ];
    let containers = pod(document).map(|pod| list(pod, "/containers")).unwrap_or_default();
    containers.into_iter().flat_map(|container| differing("Deployment", container, &wants)).collect()
}

fn differing(kind: &str, value: &Value, wants: &[(&str, Value)]) -> Vec<String> {
    let found = wants.iter().filter(|(pointer, want)| value.pointer(pointer) != Some(want));
    found.map(|(pointer, want)| format!("{kind} has another {pointer} than {want}")).collect()
}

/// What one manifest names, another must have.
fn together(documents: &[Value]) -> Vec<String> {
    let named = |kind: &str| -> BTreeSet<&str> {
        let of_kind = documents.iter().filter(|document| text(document, "/kind") == kind);
        of_kind.map(|document| text(document, "/metadata/name")).collect()
    };
    let mut faults = Vec::new();
    for pod in documents.iter().filter_map(pod) {
        for volume in list(pod, "/volumes") {
            let claims = [
                ("PersistentVolumeClaim", text(volume, "/persistentVolumeClaim/claimName")),
                ("Secret", text(volume, "/secret/secretName")),
            ];
            let missing =
                claims.iter().filter(|(kind, name)| !name.is_empty() && !named(kind).contains(name));
            faults.extend(missing.map(|(kind, name)| format!("no {kind} is called {name}")));
        }
    }
    let labels = |document: &Value| document.pointer("/spec/template/metadata/labels").cloned();
    let pods: Vec<Value> = documents.iter().filter_map(labels).collect();
    for (kind, pointer) in [
        ("Service", "/spec/selector"),
        ("PodMonitor", "/spec/selector/matchLabels"),
        ("Deployment", "/spec/selector/matchLabels"),
    ] {
        let of_kind = documents.iter().filter(|document| text(document, "/kind") == kind);
        let lost =
            of_kind.filter(|document| !document.pointer(pointer).is_some_and(|labels| pods.contains(labels)));
        faults.extend(lost.map(|_| format!("{kind} selects no pod of these")));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod_of(container: &Value) -> Value {
        serde_json::json!({"kind": "CronJob", "apiVersion": "batch/v1", "metadata": {"name": "x"}, "spec": {
            "concurrencyPolicy": "Forbid", "jobTemplate": {"spec": {"template": {"spec": {
                "automountServiceAccountToken": false,
                "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [container]}}}}}})
    }

    fn container() -> Value {
        serde_json::json!({"image": "r:5000/x:1.0", "env": [], "securityContext": {"readOnlyRootFilesystem": true,
            "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            "resources": {"requests": {"memory": "1Mi"}, "limits": {"memory": "512Mi"}}})
    }

    #[track_caller]
    fn check(change: fn(&mut Value), fault: &str) {
        let mut container = container();
        change(&mut container);
        let faults = document_faults(&pod_of(&container));
        assert!(faults.len() == 1 && faults[0].contains(fault), "{faults:?}");
    }

    #[test]
    fn what_a_pod_may_do_is_kept_small() {
        assert_eq!(document_faults(&pod_of(&container())), Vec::<String>::new());
        check(|c| c["image"] = "r:5000/x".into(), "without a version");
        check(|c| c["image"] = "x:latest".into(), "without a version");
        check(|c| c["securityContext"]["readOnlyRootFilesystem"] = false.into(), "readOnlyRootFilesystem");
        check(|c| c["resources"]["limits"]["memory"] = "2Gi".into(), "limits/memory");
        check(|c| c["env"] = serde_json::json!([{"name": "RAPID7_API_KEY", "value": "k"}]), "plain text");
    }

    #[test]
    fn a_volume_that_nothing_provides_is_found() {
        let mut document = pod_of(&container());
        document["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"] =
            serde_json::json!([{"name": "a", "persistentVolumeClaim": {"claimName": "lost"}}]);
        assert_eq!(together(&[document]), ["no PersistentVolumeClaim is called lost"]);
    }
}
