//! Which requests get an answer, and the headers that go with every answer. Pure.
//!
//! Against a page of another origin in the user's own browser: it may not read anything here (no header allows it to), not
//! frame or embed anything, not open the socket, and not come by way of a name of its own that it points at this address.

use std::{net::IpAddr, str::FromStr};

use axum::{
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{self, ALLOW, HOST, ORIGIN},
        uri::Authority,
    },
    response::{IntoResponse, Response},
};

const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// The names that the server has been given.
#[derive(Debug)]
pub(super) struct Guard {
    names: Vec<String>,
}

/// Why a request gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Method,
    NoHost,
    ForeignHost,
    ForeignOrigin,
}

impl Guard {
    /// # Errors
    /// The name that is none.
    pub(super) fn new(names: Vec<String>) -> Result<Self, String> {
        match names.iter().find(|name| !is_a_host(name)) {
            Some(name) => Err(name.clone()),
            None => Ok(Self { names }),
        }
    }

    /// `local` is the address that the client has connected to.
    pub(super) fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        local: IpAddr,
    ) -> Result<(), Refusal> {
        let host = only(headers, &HOST).ok_or(Refusal::NoHost)?;
        let host = Authority::from_str(host).map_err(|_| Refusal::ForeignHost)?;
        // A request to a proxy names the host in its first line too.
        let authorities = [Some(&host), uri.authority()];
        if !authorities
            .into_iter()
            .flatten()
            .all(|authority| self.owns(authority, local))
        {
            return Err(Refusal::ForeignHost);
        }
        if is_of_another_origin(headers, &host) {
            return Err(Refusal::ForeignOrigin);
        }
        match *method {
            Method::GET | Method::HEAD => Ok(()),
            _ => Err(Refusal::Method),
        }
    }

    fn owns(&self, authority: &Authority, local: IpAddr) -> bool {
        if authority.as_str().contains('@') {
            return false;
        }
        let host = authority.host();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = address.parse::<IpAddr>() {
            let address = address.to_canonical();
            if address.is_loopback() || address == local.to_canonical() {
                return true;
            }
        }
        let names = self.names.iter().map(String::as_str);
        let mut names = names.chain(["localhost"]);
        names.any(|name| name.eq_ignore_ascii_case(host))
    }
}

fn is_a_host(name: &str) -> bool {
    Authority::from_str(name).is_ok_and(|authority| authority.host() == name)
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn is_of_another_origin(headers: &HeaderMap, host: &Authority) -> bool {
    if headers.contains_key(ORIGIN) {
        let origin = only(headers, &ORIGIN).unwrap_or_default();
        let origin = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        return origin.is_none_or(|origin| !origin.eq_ignore_ascii_case(host.as_str()));
    }
    // What browsers send with requests that have no `Origin`: pictures and scripts. A link from elsewhere may be followed.
    let told = |name| headers.get(name).map(HeaderValue::as_bytes);
    matches!(told("sec-fetch-site"), Some(b"cross-site" | b"same-site"))
        && told("sec-fetch-mode") != Some(b"navigate")
}

/// Puts the headers that every answer has into it.
pub(super) fn protect(answer: &mut Response) {
    for (name, value) in HEADERS {
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                [(ALLOW, "GET, HEAD")],
                "This server only shows: use GET or HEAD.\n",
            )
                .into_response(),
            Self::NoHost => (
                StatusCode::BAD_REQUEST,
                "The request names no host, or more than one: send one Host header.\n",
            )
                .into_response(),
            Self::ForeignHost => (
                StatusCode::MISDIRECTED_REQUEST,
                "This server does not answer to that name: open it as localhost or by its address, or allow the name where \
                 the server is started.\n",
            )
                .into_response(),
            Self::ForeignOrigin => (
                StatusCode::FORBIDDEN,
                "A page of another origin may not read this: open the server's own page.\n",
            )
                .into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const LAN: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 2));

    fn check(headers: &[(&'static str, &str)]) -> Result<(), Refusal> {
        let guard = Guard::new(vec!["robot.example".into()]).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        guard.check(&Method::GET, &Uri::from_static("/"), &map, LAN)
    }

    #[test]
    fn its_own_names_with_any_port_are_answered() {
        for host in [
            "localhost",
            "LOCALHOST:9000",
            "127.0.0.1:7448",
            "[::1]:7448",
            "192.168.1.2",
            "robot.example:80",
        ] {
            assert_eq!(check(&[("host", host)]), Ok(()), "{host}");
        }
    }

    #[test]
    fn foreign_names_are_not() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "evil.example:7448",
            "192.168.1.3",
            "localhost@evil.example",
            "evil.example@localhost",
            "robot.example.",
            "[::2]",
            "",
            "a b",
        ] {
            assert_eq!(
                check(&[("host", host)]),
                Err(Refusal::ForeignHost),
                "{host}"
            );
        }
        assert_eq!(check(&[]), Err(Refusal::NoHost));
        let twice = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(check(&twice), Err(Refusal::NoHost));
    }

    #[test]
    fn a_name_in_the_first_line_counts_too() {
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("localhost"))]);
        let guard = Guard::new(Vec::new()).unwrap();
        let uri = Uri::from_static("http://evil.example/metrics");
        let checked = guard.check(&Method::GET, &uri, &headers, LAN);
        assert_eq!(checked, Err(Refusal::ForeignHost));
    }

    #[test]
    fn only_the_origin_that_the_request_goes_to_may_ask() {
        let host = ("host", "localhost:7448");
        for origin in ["http://localhost:7448", "https://localhost:7448"] {
            assert_eq!(check(&[host, ("origin", origin)]), Ok(()), "{origin}");
        }
        for origin in [
            "http://evil.example",
            "http://localhost:9000",
            "http://localhost",
            "http://127.0.0.1:7448",
            "null",
            "",
            "localhost:7448",
        ] {
            let checked = check(&[host, ("origin", origin)]);
            assert_eq!(checked, Err(Refusal::ForeignOrigin), "{origin}");
        }
    }

    #[test]
    fn what_another_site_embeds_is_refused_and_a_link_is_followed() {
        let host = ("host", "localhost:7448");
        for site in ["cross-site", "same-site"] {
            let embedded = [
                host,
                ("sec-fetch-site", site),
                ("sec-fetch-mode", "no-cors"),
            ];
            assert_eq!(check(&embedded), Err(Refusal::ForeignOrigin));
            let link = [
                host,
                ("sec-fetch-site", site),
                ("sec-fetch-mode", "navigate"),
            ];
            assert_eq!(check(&link), Ok(()));
        }
        for site in ["same-origin", "none"] {
            assert_eq!(check(&[host, ("sec-fetch-site", site)]), Ok(()));
        }
    }

    #[test]
    fn an_address_is_the_same_in_both_notations() {
        let mapped = IpAddr::V6(Ipv4Addr::new(192, 168, 1, 2).to_ipv6_mapped());
        let guard = Guard::new(Vec::new()).unwrap();
        let own = Authority::from_static("192.168.1.2");
        assert!(guard.owns(&own, mapped));
        let other = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        assert!(!guard.owns(&own, other));
    }

    #[test]
    fn what_is_no_name_of_a_host_cannot_be_allowed() {
        for name in ["http://a", "a:80", "a/b", "", "a@b", "a b"] {
            assert_eq!(Guard::new(vec![name.into()]).err(), Some(name.into()));
        }
    }
}
