//! The error catalogue as data.

use super::*;

#[track_caller]
fn check(target: &str, status: u16, code: Option<u64>) {
    let mut account = account(7, 10, &[]);
    let id = id_of(&account);
    let target = target.replace("ID", &id).replace("RANGE", &format!("from={START}&to={NOW}"));
    let reply = get(&mut account, NOW, &target);
    assert_eq!(reply.status, status, "{target}");
    if status >= 400 {
        let body = body(reply);
        assert!(body["message"].is_string(), "{target}");
        if code.is_some() {
            assert_eq!(body["errorCode"].as_u64(), code, "{target}");
        }
    }
}

#[test]
fn refusals_are_as_catalogued() {
    let gone = "0d7c6b5a-aaaa-4bbb-8ccc-1234567890ab";
    let hex = "1111111111111111111111111111111111111111";
    let eleven = ["ID"; 11].join(":");
    for (target, status, code) in [
        ("/query/logs/ID?RANGE", 200, None),
        ("/query/logs/ID?RANGE&per_page=0", 400, None),
        ("/query/logs/ID?RANGE&per_page=501", 400, None),
        ("/query/logs/ID?RANGE&per_page=-3", 400, None),
        ("/query/logs/ID?RANGE&per_page=500", 200, None),
        ("/query/logs/ID?RANGE&time_range=today", 400, None),
        ("/query/logs/ID", 400, None),
        ("/query/logs/ID?from=1", 400, None),
        ("/query/logs/ID?time_range=last+3+fortnights", 400, None),
        ("/query/logs/ID?time_range=yesterday", 200, None),
        ("/query/logs/ID?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z", 404, None),
        ("/query/logs/ID?RANGE&query=where()", 400, Some(101_011)),
        ("/query/logs/ID?RANGE&query=calculate(count)&per_page=500", 400, Some(101_009)),
        ("/query/logs/ID?RANGE&query=calculate(count)&sequence_number=1", 400, Some(101_009)),
        ("/query/logs/ID:ID?RANGE", 200, None),
        (&format!("/query/logs/{gone}?RANGE"), 404, None),
        (&format!("/query/logs/ID:{gone}?RANGE"), 404, None),
        ("/query/logsets?logset_name=none&RANGE", 404, None),
        (&format!("/query/{gone}:0:{hex}:500:{hex}:"), 404, None),
        ("/query/nonsense", 400, None),
        ("/query", 200, None),
        (&format!("/download/logs/{eleven}?RANGE"), 400, None),
        ("/download/logs/ID;ID?RANGE", 200, None),
        ("/download/logs/ID?RANGE&query=calculate(count)", 400, None),
        ("/download/logs/ID?RANGE&limit=0", 400, None),
        ("/management/logs/ID", 200, None),
        (&format!("/management/logs/{gone}"), 404, None),
        ("/management/logsets/ID/logs", 404, None),
        ("/management/labels", 200, None),
        ("/usage/organizations?from=2026-01-01&to=2026-01-02", 200, None),
        ("/usage/organizations/logs/ID?from=2026-01-01&to=2026-01-02", 200, None),
        ("/usage/organizations/logs/ID?from=2025-01-01&to=2025-01-02", 404, None),
        ("/usage/organizations/logs?time_range=last+2+days", 200, None),
        ("/validate", 200, None),
        ("/nowhere", 404, None),
    ] {
        check(target, status, code);
        check(&format!("/log_search{target}"), status, code);
    }
}

#[test]
fn posts_are_refused_by_media_type_and_shape() {
    let mut account = account(7, 10, &[("error_key", "code")]);
    let id = id_of(&account);
    let mut post = |body: &str, media: &str| {
        let mut request = SimRequest::post(ORIGIN, "/query/logs", KEY, body);
        request.headers.retain(|(name, _)| name != "content-type");
        request.headers.push(("content-type".to_owned(), media.to_owned()));
        account.handle(NOW, &request).status
    };
    let good = format!(r#"{{"logs":["{id}"],"leql":{{"during":{{"time_range":"last 5 minutes"}}}}}}"#);
    assert_eq!(post(&good, "application/json; charset=utf-8"), 200);
    assert_eq!(post(&good, "text/plain"), 415);
    assert_eq!(post("{", "application/json"), 400);
    assert_eq!(post(r#"{"logs":[],"leql":{"during":{"from":1,"to":2}}}"#, "application/json"), 400);
    assert_eq!(post(&good.replace("time_range", "nothing"), "application/json"), 400);
    let statement = format!("/query/logs/{id}?from=1&to=2&query=where()");
    let refused = body(get(&mut account, NOW, &statement));
    assert_eq!((refused["code"].as_u64(), refused["id"].as_str()), (Some(101_011), Some("IDR")));
    let mut strange = SimRequest::get(ORIGIN, "/management/logs", KEY);
    strange.body = b"x".to_vec();
    assert_eq!(account.handle(NOW, &strange).status, 415);
    strange.method = "DELETE".to_owned();
    assert_eq!(account.handle(NOW, &strange).status, 405);
}

#[test]
fn keys_are_checked_before_anything_else() {
    let mut account = account(7, 10, &[]);
    for key in ["", "other"] {
        let reply = account.handle(NOW, &SimRequest::get(ORIGIN, "/query/logs/x?per_page=0", key));
        assert_eq!(reply.status, 401);
        assert_eq!(reply.body.into_bytes(), br#"{"message":"Unauthorized"}"#);
    }
    let plain = SimRequest::get(ORIGIN, "/__stats", "");
    assert_eq!(account.handle(NOW, &plain).status, 200);
}
