//! The folder of a web server.

use std::str::FromStr;

use ureq::http::Uri;

use super::DataError;

/// The URL of a folder on a web server, over HTTP or HTTPS.
///
/// ```
/// use vae_wgpu::data::Mirror;
///
/// assert!("https://example.org/mnist".parse::<Mirror>().is_ok());
/// assert!("example.org/mnist".parse::<Mirror>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror(String);

impl Mirror {
    /// The URL of a file in the folder.
    pub(super) fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.0.trim_end_matches('/'))
    }
}

impl FromStr for Mirror {
    type Err = DataError;

    /// # Errors
    ///
    /// [`DataError::Mirror`] if this is no URL, or not one of a web server.
    fn from_str(text: &str) -> Result<Self, DataError> {
        let of_web_server = |uri: &Uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
        };
        match text.parse::<Uri>() {
            Ok(uri) if of_web_server(&uri) => Ok(Self(text.to_owned())),
            _ => Err(DataError::Mirror {
                text: text.to_owned(),
            }),
        }
    }
}
