//! The labels that Traefik 3.7 knows below `traefik.http`, with the kind of each: its reference of dynamic
//! configuration, <https://doc.traefik.io/traefik/reference/dynamic-configuration/docker/>. Names in lower case.

use Kind::{Any, Bare, Bool, Duration, Each, Group, Int, Map, One, Text, Words};

/// Fields by name.
pub type Fields = &'static [(&'static str, Kind)];

/// What a label's value must be, or may have below it.
pub enum Kind {
    /// Not looked at: Traefik ignores it, or hands it to a plugin.
    Any,
    Text,
    Bool,
    Int,
    Duration,
    /// Parted by commas.
    Words,
    /// Fields, of which one must be there.
    Group(Fields),
    /// Fields, or `true` in their place.
    Bare(Fields),
    /// By names that the user chose.
    Map(&'static Kind),
    /// Fields by number: `domains[0].main`.
    Each(Fields),
    /// A list of which labels can say the first element alone.
    One(Fields),
}

/// Below `traefik`.
pub const ROOT: Fields = &[
    ("enable", Bool),
    ("docker", Group(&[("network", Text), ("lbswarm", Bool), ("allownonrunning", Bool)])),
    ("http", Group(HTTP)),
    // Rules of other kinds are for others to check.
    ("tcp", Any),
    ("udp", Any),
    ("tls", Any),
];

const HTTP: Fields = &[
    ("routers", Map(&Group(ROUTER))),
    ("services", Map(&Group(SERVICE))),
    ("middlewares", Map(&Group(MIDDLEWARE))),
    ("models", Any),
    ("serverstransports", Any),
];

const ROUTER: Fields = &[
    ("entrypoints", Words),
    ("middlewares", Words),
    ("service", Text),
    ("rule", Text),
    ("parentrefs", Any),
    ("rulesyntax", Text),
    ("priority", Int),
    ("tls", Bare(ROUTER_TLS)),
    ("observability", Group(OBSERVABILITY)),
    ("defaultrule", Any),
    ("deniedencodedpathcharacters", Any),
];

const ROUTER_TLS: Fields = &[
    ("options", Text),
    ("resolvedoptions", Any),
    ("certresolver", Text),
    ("domains", Each(&[("main", Text), ("sans", Words)])),
];

const OBSERVABILITY: Fields = &[
    ("accesslogs", Bool),
    ("metrics", Bool),
    ("tracing", Bool),
    ("traceverbosity", Text),
    ("metadata", Any),
];

const SERVICE: Fields = &[
    ("middlewares", Words),
    ("loadbalancer", Group(LOAD_BALANCER)),
    ("highestrandomweight", Any),
    ("weighted", Any),
    ("mirroring", Any),
    ("failover", Any),
];

const LOAD_BALANCER: Fields = &[
    ("sticky", Bare(&[("cookie", Bare(COOKIE))])),
    ("server", One(SERVER)),
    ("strategy", Text),
    ("healthcheck", Group(HEALTH_CHECK)),
    ("passivehealthcheck", Group(&[("failurewindow", Duration), ("maxfailedattempts", Int)])),
    ("passhostheader", Bool),
    ("responseforwarding", Group(&[("flushinterval", Duration)])),
    ("serverstransport", Text),
    ("nginxupstreamhashby", Any),
];

const COOKIE: Fields = &[
    ("name", Text),
    ("secure", Bool),
    ("httponly", Bool),
    ("samesite", Text),
    ("maxage", Int),
    ("path", Text),
    ("domain", Text),
    ("expires", Any),
];

const SERVER: Fields = &[
    ("url", Text),
    ("weight", Int),
    ("preservepath", Bool),
    ("fenced", Any),
    ("scheme", Text),
    ("port", Text),
];

const HEALTH_CHECK: Fields = &[
    ("scheme", Text),
    ("mode", Text),
    ("path", Text),
    ("method", Text),
    ("status", Int),
    ("port", Int),
    ("interval", Duration),
    ("unhealthyinterval", Duration),
    ("timeout", Duration),
    ("hostname", Text),
    ("followredirects", Bool),
    ("headers", Map(&Text)),
];

const MIDDLEWARE: Fields = &[
    ("addprefix", Group(&[("prefix", Text)])),
    ("stripprefix", Group(&[("prefixes", Words), ("forceslash", Bool)])),
    ("stripprefixregex", Group(&[("regex", Words)])),
    ("replacepath", Group(&[("path", Text)])),
    ("replacepathregex", Group(&[("regex", Text), ("replacement", Text)])),
    ("chain", Group(&[("middlewares", Words)])),
    ("ipwhitelist", Group(&[("sourcerange", Words), ("ipstrategy", Bare(IP_STRATEGY))])),
    (
        "ipallowlist",
        Group(&[("sourcerange", Words), ("ipstrategy", Bare(IP_STRATEGY)), ("rejectstatuscode", Int)]),
    ),
    ("headers", Group(HEADERS)),
    ("encodedcharacters", Group(ENCODED_CHARACTERS)),
    ("errors", Group(ERRORS)),
    ("ratelimit", Group(RATE_LIMIT)),
    (
        "redirectregex",
        Group(&[("regex", Text), ("replacement", Text), ("permanent", Bool), ("statuscode", Any)]),
    ),
    (
        "redirectscheme",
        Group(&[("scheme", Text), ("port", Text), ("permanent", Bool), ("forcepermanentredirect", Any)]),
    ),
    ("basicauth", Group(AUTH)),
    ("digestauth", Group(AUTH)),
    ("forwardauth", Group(FORWARD_AUTH)),
    ("inflightreq", Group(&[("amount", Int), ("sourcecriterion", Group(SOURCE))])),
    ("buffering", Group(BUFFERING)),
    ("circuitbreaker", Group(CIRCUIT_BREAKER)),
    ("compress", Bare(COMPRESS)),
    ("passtlsclientcert", Group(&[("pem", Bool), ("info", Group(CERTIFICATE))])),
    ("retry", Group(RETRY)),
    ("contenttype", Bare(&[("autodetect", Bool)])),
    ("grpcweb", Group(&[("alloworigins", Words)])),
    ("plugin", Map(&Any)),
    ("requestheadermodifier", Any),
    ("responseheadermodifier", Any),
    ("requestredirect", Any),
    ("urlrewrite", Any),
    ("authtlspasscertificatetoupstream", Any),
    ("snippet", Any),
    ("rewritetarget", Any),
    ("upstreamvhost", Any),
    ("approot", Any),
];

const IP_STRATEGY: Fields = &[("depth", Int), ("excludedips", Words), ("ipv6subnet", Int)];

const SOURCE: Fields =
    &[("ipstrategy", Group(IP_STRATEGY)), ("requestheadername", Text), ("requesthost", Bool)];

const AUTH: Fields =
    &[("users", Words), ("usersfile", Text), ("realm", Text), ("removeheader", Bool), ("headerfield", Text)];

const FORWARD_AUTH: Fields = &[
    ("address", Text),
    (
        "tls",
        Group(&[
            ("ca", Text),
            ("cert", Text),
            ("key", Text),
            ("insecureskipverify", Bool),
            ("caoptional", Bool),
        ]),
    ),
    ("trustforwardheader", Bool),
    ("authresponseheaders", Words),
    ("authresponseheadersregex", Text),
    ("authrequestheaders", Words),
    ("maxresponsebodysize", Int),
    ("addauthcookiestoresponse", Words),
    ("headerfield", Text),
    ("forwardbody", Bool),
    ("maxbodysize", Int),
    ("preservelocationheader", Bool),
    ("preserverequestmethod", Bool),
    ("authsigninurl", Text),
];

const HEADERS: Fields = &[
    ("customrequestheaders", Map(&Text)),
    ("customresponseheaders", Map(&Text)),
    ("accesscontrolallowcredentials", Bool),
    ("accesscontrolallowheaders", Words),
    ("accesscontrolallowmethods", Words),
    ("accesscontrolalloworiginlist", Words),
    ("accesscontrolalloworiginlistregex", Words),
    ("accesscontrolexposeheaders", Words),
    ("accesscontrolmaxage", Int),
    ("addvaryheader", Bool),
    ("allowedhosts", Words),
    ("hostsproxyheaders", Words),
    ("sslproxyheaders", Map(&Text)),
    ("stsseconds", Int),
    ("stsincludesubdomains", Bool),
    ("stspreload", Bool),
    ("forcestsheader", Bool),
    ("framedeny", Bool),
    ("customframeoptionsvalue", Text),
    ("contenttypenosniff", Bool),
    ("browserxssfilter", Bool),
    ("custombrowserxssvalue", Text),
    ("contentsecuritypolicy", Text),
    ("contentsecuritypolicyreportonly", Text),
    ("publickey", Text),
    ("referrerpolicy", Text),
    ("permissionspolicy", Text),
    ("isdevelopment", Bool),
    ("featurepolicy", Text),
    ("sslredirect", Bool),
    ("ssltemporaryredirect", Bool),
    ("sslhost", Text),
    ("sslforcehost", Bool),
];

const ENCODED_CHARACTERS: Fields = &[
    ("allowencodedslash", Bool),
    ("allowencodedbackslash", Bool),
    ("allowencodednullcharacter", Bool),
    ("allowencodedsemicolon", Bool),
    ("allowencodedpercent", Bool),
    ("allowencodedquestionmark", Bool),
    ("allowencodedhash", Bool),
];

const ERRORS: Fields = &[
    ("status", Words),
    ("statusrewrites", Map(&Int)),
    ("service", Text),
    ("query", Text),
    ("errorrequestheaders", Words),
    ("nginxheaders", Any),
];

const RATE_LIMIT: Fields = &[
    ("average", Int),
    ("period", Duration),
    ("burst", Int),
    ("sourcecriterion", Group(SOURCE)),
    ("redis", Group(REDIS)),
];

const REDIS: Fields = &[
    ("endpoints", Words),
    ("tls", Group(&[("ca", Text), ("cert", Text), ("key", Text), ("insecureskipverify", Bool)])),
    ("username", Text),
    ("password", Text),
    ("db", Int),
    ("poolsize", Int),
    ("minidleconns", Int),
    ("maxactiveconns", Int),
    ("readtimeout", Duration),
    ("writetimeout", Duration),
    ("dialtimeout", Duration),
];

const BUFFERING: Fields = &[
    ("maxrequestbodybytes", Int),
    ("memrequestbodybytes", Int),
    ("maxresponsebodybytes", Int),
    ("memresponsebodybytes", Int),
    ("retryexpression", Text),
    ("disablerequestbuffer", Any),
    ("disableresponsebuffer", Any),
];

const CIRCUIT_BREAKER: Fields = &[
    ("expression", Text),
    ("checkperiod", Duration),
    ("fallbackduration", Duration),
    ("recoveryduration", Duration),
    ("responsecode", Int),
];

const COMPRESS: Fields = &[
    ("excludedcontenttypes", Words),
    ("includedcontenttypes", Words),
    ("minresponsebodybytes", Int),
    ("encodings", Words),
    ("defaultencoding", Text),
];

const RETRY: Fields = &[
    ("attempts", Int),
    ("timeout", Duration),
    ("initialinterval", Duration),
    ("maxrequestbodybytes", Int),
    ("status", Words),
    ("disableretryonnetworkerror", Bool),
    ("retrynonidempotentmethod", Bool),
];

const CERTIFICATE: Fields = &[
    ("notafter", Bool),
    ("notbefore", Bool),
    ("sans", Bool),
    ("serialnumber", Bool),
    ("subject", Group(SUBJECT)),
    ("issuer", Group(SUBJECT)),
];

/// An issuer has no organizational unit; nobody was seen to ask for one.
const SUBJECT: Fields = &[
    ("country", Bool),
    ("province", Bool),
    ("locality", Bool),
    ("organization", Bool),
    ("organizationalunit", Bool),
    ("commonname", Bool),
    ("serialnumber", Bool),
    ("domaincomponent", Bool),
];
