//! Decides what a path asks for, and its class.
//!
//! Never answers. Paths are taken with and without the `/log_search` prefix.

use super::errors::ApiError;
use super::submit::{Query, Target};
use crate::faults::RequestClass;
use crate::http::{Params, SimRequest};

/// What a request asks for.
#[derive(Debug)]
pub(super) enum Route {
    Endpoints,
    Validate,
    Submit(Result<Box<Query>, ApiError>),
    Poll(String),
    Download(String),
    Management(Vec<String>),
    Usage(Vec<String>),
    CsvPage,
    CsvProbe,
    SavedQueries,
    Nothing,
}

/// First words after `/query/` that are routes of the live service, none of them a continuation.
const NOT_CONTINUATIONS: [&str; 6] = ["context", "live", "saved_query", "metrics", "variables", "labels"];

impl Route {
    pub(super) fn of(request: &SimRequest, params: &Params, now_ms: i64) -> Self {
        let segments = request.segments();
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        let words = match words.as_slice() {
            ["log_search", rest @ ..] => rest,
            all => all,
        };
        let get = |target| Self::Submit(Query::from_params(target, params, now_ms).map(Box::new));
        match words {
            ["query"] => Self::Endpoints,
            ["validate"] => Self::Validate,
            ["query", "logs"] if request.method == "POST" => {
                Self::Submit(Query::from_post(request, params, now_ms).map(Box::new))
            }
            ["query", "logs", keys] => get(Target::Keys(keys.split(':').map(str::to_owned).collect())),
            ["query", "logsets"] => {
                get(Target::SetNames(params.all("logset_name").map(str::to_owned).collect()))
            }
            ["query", "logsets", id] => get(Target::SetId((*id).to_owned())),
            ["query", "saved_queries"] => Self::SavedQueries,
            ["query", word] if NOT_CONTINUATIONS.contains(word) => Self::Nothing,
            ["query", id] if *id != "logs" => Self::Poll((*id).to_owned()),
            ["query", ..] => Self::Nothing,
            ["download", "logs", ids] => Self::Download((*ids).to_owned()),
            ["management", rest @ ..] => Self::Management(owned(rest)),
            ["usage", "organizations", rest @ ..] => Self::Usage(owned(rest)),
            [.., "logs"] if params.get("start_time").is_some() || params.get("format").is_some() => {
                Self::CsvPage
            }
            [.., "test"] => Self::CsvProbe,
            _ => Self::Nothing,
        }
    }

    pub(super) fn class(&self, params: &Params) -> RequestClass {
        match self {
            Self::Submit(Ok(query)) if query.statement.is_statistic() => RequestClass::Statistics,
            Self::Submit(_) if params.flag("next_page") => RequestClass::Next,
            Self::Submit(_) => RequestClass::Submit,
            Self::Poll(_) => RequestClass::Poll,
            Self::Download(_) => RequestClass::Download,
            Self::Management(_) => RequestClass::Management,
            Self::Usage(_) => RequestClass::Usage,
            Self::Validate => RequestClass::Validate,
            Self::CsvPage => RequestClass::CsvPage,
            Self::CsvProbe => RequestClass::CsvProbe,
            Self::Endpoints | Self::SavedQueries | Self::Nothing => RequestClass::Other,
        }
    }

    /// Whether the key comes as a bearer token.
    pub(super) const fn takes_bearer(&self) -> bool {
        matches!(self, Self::CsvPage | Self::CsvProbe)
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
