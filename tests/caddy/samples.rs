//! Sets of labels: written ones, and drawn ones that are the same each time.

use std::collections::BTreeMap;

/// Lines `label = value`; a container each.
pub const SAMPLES: &[&str] = &[
    // Addresses.
    "caddy = example.com\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = Example.COM\ncaddy.reverse_proxy = {{upstreams 3000}}",
    "caddy = http://example.com\ncaddy.reverse_proxy = {{upstreams 3000}}",
    "caddy = https://example.com\ncaddy.reverse_proxy = {{upstreams 3000}}",
    "caddy = http://a.test, https://a.test\ncaddy.reverse_proxy = {{upstreams 3000}}",
    "caddy = a.test b.test, c.test , d.test\ncaddy.reverse_proxy = {{upstreams 3000}}",
    "caddy = a.test:8443 http://b.test:8080 c.test:80\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = a.test/api* b.test/exact\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = :80\ncaddy.reverse_proxy = {{upstreams 81}}",
    "caddy = :443\ncaddy.reverse_proxy = {{upstreams 81}}",
    "caddy = :8080\ncaddy.reverse_proxy = {{upstreams 81}}",
    "caddy = :8443\ncaddy.tls = internal\ncaddy.reverse_proxy = {{upstreams 81}}",
    "caddy = *.a.test\ncaddy.reverse_proxy = {{upstreams 81}}",
    "caddy = *.a.test b.test\ncaddy.reverse_proxy = {{upstreams 81}}",
    "caddy = [::1]:80 127.0.0.1\ncaddy.reverse_proxy = {{upstreams 81}}",
    "caddy_0 = a.test\ncaddy_0.reverse_proxy = {{upstreams 1}}\ncaddy_7 = b.test\ncaddy_7.reverse_proxy = {{upstreams 2}}",
    // Addresses that Caddy refuses.
    "caddy = a.test,b.test\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = a.test,\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = ws://a.test\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = a.test:99999\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = http://a.test:443\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy_0 = a.test b.test\ncaddy_0.reverse_proxy = {{upstreams}}\ncaddy_1 = b.test\ncaddy_1.reverse_proxy = {{upstreams}}",
    // Upstreams.
    "caddy = a.test\ncaddy.reverse_proxy = {{upstreams https}}",
    "caddy = a.test\ncaddy.reverse_proxy = {{upstreams http 9000}}",
    "caddy = a.test\ncaddy.reverse_proxy = {{upstreams https 5000}}",
    "caddy = a.test\ncaddy.reverse_proxy = {{upstreams h2c 5000}}",
    "caddy = a.test\ncaddy.reverse_proxy = http://{{upstreams 5000}}",
    "caddy = a.test\ncaddy.reverse_proxy = \"{{upstreams 5000}}\"",
    "caddy = a.test\ncaddy.reverse_proxy = {{upstreams 80}} {{upstreams 81}} backup:82",
    "caddy = a.test\ncaddy.reverse_proxy = {{upstreams}}:5000-5002",
    "caddy = a.test\ncaddy.reverse_proxy = other:3000",
    "caddy = a.test\ncaddy.reverse_proxy.to = {{upstreams 3000}}\ncaddy.reverse_proxy.header_up = Host {host}",
    "caddy = a.test\ncaddy.reverse_proxy = {{upstreams 8443}}\ncaddy.reverse_proxy.transport = http\ncaddy.reverse_proxy.transport.tls_insecure_skip_verify =",
    "caddy = a.test\ncaddy.reverse_proxy = {{upstreams 1}}\ncaddy.reverse_proxy.rewrite = /x{uri}",
    // Upstreams that Caddy refuses.
    "caddy = a.test\ncaddy.reverse_proxy = {{upstreams 99999}}",
    "caddy = a.test\ncaddy.reverse_proxy = {{upstreams}}:x",
    "caddy = a.test\ncaddy.reverse_proxy = {{upstreams https 80}}",
    "caddy = a.test\ncaddy.reverse_proxy = {{upstreams http 443}}",
    "caddy = a.test\ncaddy.reverse_proxy = ws://{{upstreams}}",
    "caddy = a.test\ncaddy.reverse_proxy = http://{{upstreams}}/api",
    "caddy = a.test\ncaddy.reverse_proxy = http://{{upstreams}} {{upstreams}}",
    "caddy = a.test\ncaddy.reverse_proxy = @nobody {{upstreams}}",
    // Paths.
    "caddy = a.test\ncaddy.reverse_proxy = /api* {{upstreams 3000}}",
    "caddy = a.test\ncaddy.reverse_proxy_0 = /api* {{upstreams 1}}\ncaddy.reverse_proxy_1 = /api/v1* {{upstreams 2}}\ncaddy.reverse_proxy_2 = {{upstreams 3}}",
    "caddy = a.test\ncaddy.handle = /source/*\ncaddy.handle.0_reverse_proxy = {{upstreams 1}}",
    "caddy = a.test\ncaddy.handle_path = /source/*\ncaddy.handle_path.0_reverse_proxy = {{upstreams 1}}",
    "caddy = a.test\ncaddy.handle_path = /source*\ncaddy.handle_path.0_reverse_proxy = {{upstreams 1}}",
    "caddy = a.test\ncaddy.handle_path = /source\ncaddy.handle_path.0_reverse_proxy = {{upstreams 1}}",
    "caddy = a.test\ncaddy.handle_path = /a/*\ncaddy.handle_path.handle_path = /b/*\ncaddy.handle_path.handle_path.reverse_proxy = /c* {{upstreams 1}}",
    "caddy = a.test\ncaddy.handle_path.reverse_proxy = {{upstreams 1}}",
    "caddy = a.test\ncaddy.handle_path = /source/*\ncaddy.handle_path.0_rewrite = * /target{uri}\ncaddy.handle_path.1_reverse_proxy = {{upstreams}}",
    "caddy = a.test\ncaddy.rewrite = * /target{path}\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = a.test\ncaddy.route = /path/*\ncaddy.route.0_uri = strip_prefix /path\ncaddy.route.1_rewrite = * /api{path}\ncaddy.route.2_reverse_proxy = {{upstreams https 5000}}",
    "caddy = a.test\ncaddy.route = /path/*\ncaddy.route.0_uri = strip_prefix path\ncaddy.route.2_reverse_proxy = {{upstreams 5000}}",
    "caddy = a.test\ncaddy.uri = strip_prefix /api\ncaddy.reverse_proxy = {{upstreams 5000}}",
    "caddy = a.test\ncaddy.route.0_reverse_proxy = /a* {{upstreams 1}}\ncaddy.route.1_reverse_proxy = /a/b* {{upstreams 2}}",
    "caddy = a.test\ncaddy.handle_0 = /api*\ncaddy.handle_0.reverse_proxy = {{upstreams 1}}\ncaddy.handle_1.reverse_proxy = {{upstreams 2}}\ncaddy.reverse_proxy = {{upstreams 3}}",
    "caddy = a.test/x*\ncaddy.handle = /x/y*\ncaddy.handle.reverse_proxy = {{upstreams 1}}",
    // Matchers.
    "caddy = a.test\ncaddy.@ws.0_header = Connection *Upgrade*\ncaddy.@ws.1_header = Upgrade websocket\ncaddy.0_reverse_proxy = @ws {{upstreams 1}}\ncaddy.1_reverse_proxy = /api* {{upstreams 2}}\ncaddy.2_reverse_proxy = {{upstreams 3}}",
    "caddy = localhost\ncaddy.@match.path = /sourcepath /sourcepath/*\ncaddy.reverse_proxy = @match {{upstreams 6001}}",
    "caddy = *.a.test\ncaddy.1_@foo = host foo.a.test\ncaddy.1_handle = @foo\ncaddy.1_handle.reverse_proxy = {{upstreams 1}}\ncaddy.2_@bar = host bar.a.test\ncaddy.2_handle = @bar\ncaddy.2_handle.reverse_proxy = {{upstreams 2}}",
    "caddy = a.test b.test\ncaddy.@b.0_host = b.test c.test\ncaddy.@b.1_path = /x /y*\ncaddy.reverse_proxy = @b {{upstreams 1}}",
    "caddy = a.test\ncaddy.@m = path *.php\ncaddy.reverse_proxy = @m {{upstreams 1}}",
    "caddy = a.test\ncaddy.@m = method POST PUT\ncaddy.0_reverse_proxy = @m {{upstreams 1}}\ncaddy.1_reverse_proxy = {{upstreams 2}}",
    "caddy = a.test\ncaddy.@m = remote_ip 10.0.0.0/8\ncaddy.0_reverse_proxy = @m {{upstreams 1}}\ncaddy.1_reverse_proxy = {{upstreams 2}}",
    "caddy = a.test\ncaddy.@m = not path /x*\ncaddy.reverse_proxy = @m {{upstreams 1}}",
    "caddy = a.test\ncaddy.1_@m = path /a\ncaddy.2_@m = path /b\ncaddy.reverse_proxy = @m {{upstreams 1}}",
    // What answers before, redirects, logins.
    "caddy = a.test\ncaddy.redir = https://www.a.test{uri}\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = a.test\ncaddy.redir = /old* /new\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = a.test\ncaddy.redir = /new\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = a.test\ncaddy.redir = * /new 200\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = http://a.test\ncaddy.redir = https://{host}{uri} permanent",
    "caddy = http://a.test\ncaddy.redir = https://{host}:8443{uri} 308",
    "caddy = a.test\ncaddy.redir_0 = /favicon.ico  /alternative/icon.ico 302\ncaddy.redir_1 = /photo.png    /updated-photo.png    302",
    "caddy = a.test\ncaddy.respond = \"Hello World\" 200",
    "caddy = a.test\ncaddy.respond = 503\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = a.test\ncaddy.respond = /secret* 403\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = a.test\ncaddy.root = * /srv\ncaddy.file_server =",
    "caddy = a.test\ncaddy.file_server = /static/*\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = a.test\ncaddy.@d = not remote_ip 10.0.0.0/8\ncaddy.abort = @d\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = a.test\ncaddy.basic_auth.joe = $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = a.test\ncaddy.basicauth = /admin*\ncaddy.basicauth.joe = $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\ncaddy.reverse_proxy = {{upstreams}}",
    "caddy = a.test\ncaddy.forward_auth = auth:9000\ncaddy.forward_auth.uri = /verify\ncaddy.handle = /x*\ncaddy.handle.reverse_proxy = {{upstreams}}",
    // Snippets and global options.
    "caddy_0 = (s)\ncaddy_0.header = -Server\ncaddy_0.respond = /ping 200\ncaddy_1 = a.test\ncaddy_1.import = s\ncaddy_1.reverse_proxy = {{upstreams 1}}",
    "caddy_0.email = joe@a.test\ncaddy_1 = a.test\ncaddy_1.reverse_proxy = {{upstreams 1}}",
    // Coolify.
    "caddy_0 = https://shop.example.com\ncaddy_0.handle_path = /*\ncaddy_0.handle_path.0_reverse_proxy = {{upstreams 3000}}\ncaddy_0.try_files = {path} /index.html /index.php\ncaddy_0.encode = zstd gzip\ncaddy_0.header = -Server\ncaddy_ingress_network = coolify",
    "caddy_0 = http://a.test, https://a.test\ncaddy_0.handle_path = /api*\ncaddy_0.handle_path.0_reverse_proxy = {{upstreams}}\ncaddy_0.try_files = {path} /index.html /index.php\ncaddy_0.encode = zstd gzip\ncaddy_0.header = -Server",
    "caddy_0 = https://a.test\ncaddy_0.handle = /*\ncaddy_0.handle.0_reverse_proxy = {{upstreams 3000}}\ncaddy_0.redir = https://www.a.test{uri}\ncaddy_1 = https://www.a.test\ncaddy_1.handle = /*\ncaddy_1.handle.1_reverse_proxy = {{upstreams 3000}}",
];

/// A few numbers from a seed, the same on every machine.
struct Dice(u64);

impl Dice {
    fn throw<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = usize::try_from(self.0 >> 33).expect("31 bits");
        of[number % of.len()]
    }
}

/// Sites put together of what is common.
pub fn drawn(count: u64) -> Vec<BTreeMap<String, String>> {
    (0..count).map(|seed| site(&mut Dice(seed * 7919 + 1))).collect()
}

fn site(dice: &mut Dice) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut put = |label: String, value: &str| labels.insert(label, value.to_owned());
    let address = dice.throw(&[
        "a.test",
        "http://a.test",
        "a.test b.test",
        "https://a.test:444 http://b.test",
        "*.test",
        "a.test/p*",
    ]);
    put("caddy".to_owned(), address);
    put("caddy.@one".to_owned(), dice.throw(&["path /p/x* /q", "host a.test", "path /p*", "method POST"]));
    for n in 0..3 {
        let kind = dice.throw(&[
            "handle",
            "handle_path",
            "route",
            "reverse_proxy",
            "respond",
            "redir",
            "basic_auth",
            "uri",
            "rewrite",
            "import",
        ]);
        let label = format!("caddy.{kind}_{n}");
        let upstream = format!("{{{{upstreams {}}}}}", 3000 + n);
        let path = dice.throw(&["/p*", "/p/x*", "/q", "*", "@one"]);
        match kind {
            "reverse_proxy" => put(label, &format!("{path} {upstream}")),
            "uri" => {
                put(label, dice.throw(&["strip_prefix /p", "/p* strip_prefix /p", "@one strip_prefix /p/x"]))
            }
            "rewrite" => put(label, dice.throw(&["* /new{path}", "/q /new", "@one /new{uri}"])),
            "import" => {
                put("caddy_9".to_owned(), "(common)");
                put("caddy_9.respond".to_owned(), "/q 204");
                put("caddy_9.handle.reverse_proxy".to_owned(), "/p/x* {{upstreams 4000}}");
                put(label, "common")
            }
            "respond" => put(label, &format!("{path} 204")),
            "redir" => put(label, &format!("{path} https://{{host}}{{uri}}")),
            "basic_auth" => {
                put(format!("{label}.joe"), "$2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG");
                put(label, path)
            }
            "handle_path" => {
                put(label.clone(), dice.throw(&["/p*", "/p/*", "/q"]));
                put(format!("{label}.0_reverse_proxy"), &format!("{} {upstream}", dice.throw(&["*", "/x*"])))
            }
            _ => {
                put(label.clone(), path);
                if kind == "route" && dice.throw(&["yes", "no"]) == "yes" {
                    put(format!("{label}.0_uri"), "strip_prefix /p");
                }
                put(
                    format!("{label}.1_reverse_proxy"),
                    &format!("{} {upstream}", dice.throw(&["*", "/p*", "@one"])),
                )
            }
        };
    }
    labels
}
