//! The schemes of URIs: which store, which name.

use std::fmt;

use pinotage_common::{Error, Result};

/// How a location is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scheme {
    /// The local file system.
    File,
    /// Amazon S3 and compatible stores; `s3a` and `s3n`, Hadoop's names for the same objects, become `s3`.
    S3,
    /// Google Cloud Storage; `gcs` becomes `gs`.
    Gs,
    /// Azure Blob Storage by container, with the account from the options.
    Az,
    /// Azure Data Lake Storage; always reached by TLS, whatever the missing `s` means to Hadoop.
    Abfs,
    /// Azure Data Lake Storage.
    Abfss,
    /// Azure Blob Storage; always reached by TLS.
    Wasb,
    /// Azure Blob Storage.
    Wasbs,
    /// One file of a web server, in the clear.
    Http,
    /// One file of a web server.
    Https,
}

impl Scheme {
    /// The name in a URI.
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::S3 => "s3",
            Self::Gs => "gs",
            Self::Az => "az",
            Self::Abfs => "abfs",
            Self::Abfss => "abfss",
            Self::Wasb => "wasb",
            Self::Wasbs => "wasbs",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The scheme of that name, in any case.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "file" => Self::File,
            "s3" | "s3a" | "s3n" => Self::S3,
            "gs" | "gcs" => Self::Gs,
            "az" => Self::Az,
            "abfs" => Self::Abfs,
            "abfss" => Self::Abfss,
            "wasb" => Self::Wasb,
            "wasbs" => Self::Wasbs,
            "http" => Self::Http,
            "https" => Self::Https,
            "hdfs" | "viewfs" | "webhdfs" | "swebhdfs" => {
                return Err(Error::unsupported("no pure Rust HDFS client is shipped yet").action(
                    "run the job on Spark or Flink, mount the folder (NFS gateway) and name the local path, \
                     or copy the files to an object store with distcp",
                ));
            }
            "adl" | "adl2" => {
                return Err(Error::unsupported("this scheme takes its container from Pinot's own configuration")
                    .action("write `abfss://container@account.dfs.core.windows.net/path`"));
            }
            other => {
                return Err(Error::unsupported(format!("no store is known for `{other}:`")).action(
                    "use a local path (`./` before one with a colon), or s3, gs, abfss, wasbs, az, http, https",
                ));
            }
        })
    }

    /// Azure under any of its names.
    pub(crate) fn is_azure(self) -> bool {
        matches!(self, Self::Az | Self::Abfs | Self::Abfss | Self::Wasb | Self::Wasbs)
    }

    /// A web server.
    pub(crate) fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
