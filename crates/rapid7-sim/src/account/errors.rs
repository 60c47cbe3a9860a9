//! Decides what a refusal looks like.
//!
//! Never decides when to refuse.

use serde_json::json;

use crate::http::SimReply;
use crate::semantics::Semantics;

/// Code of a statistic with paging parameters.
const CODE_PAGING: u32 = 101_009;
/// Code of a statement that is not understood.
const CODE_SYNTAX: u32 = 101_011;

/// A refusal with a JSON body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: u16,
    code: Option<u32>,
    message: String,
}

impl ApiError {
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self { status: 400, code: None, message: message.into() }
    }

    pub(super) fn syntax(message: &str) -> Self {
        Self { status: 400, code: Some(CODE_SYNTAX), message: format!("Invalid Query Syntax: {message}") }
    }

    pub(super) fn paged_statistic() -> Self {
        let message = "Pagination is not supported with statistic queries".to_owned();
        Self { status: 400, code: Some(CODE_PAGING), message }
    }

    pub(super) fn missing() -> Self {
        Self { status: 404, code: Some(404), message: "HTTP 404 Not Found".to_owned() }
    }

    pub(super) fn method() -> Self {
        Self { status: 405, code: Some(405), message: "HTTP 405 Method Not Allowed".to_owned() }
    }

    pub(super) fn media() -> Self {
        Self { status: 415, code: Some(415), message: "HTTP 415 Unsupported Media Type".to_owned() }
    }

    pub(super) fn unauthorized() -> Self {
        Self { status: 401, code: None, message: "Unauthorized".to_owned() }
    }

    pub(super) fn reply(&self, semantics: &Semantics) -> SimReply {
        let message = &self.message;
        let body = match self.code {
            None => json!({ "message": message }),
            Some(code) if code < 1_000 => json!({ "code": code, "message": message }),
            Some(code) if semantics.error_key_code => {
                json!({ "id": "IDR", "code": code, "message": message })
            }
            Some(code) => json!({ "errorCode": code, "message": message }),
        };
        SimReply::json(self.status, &body)
    }
}
