//! What should not be open to everybody, by the port and the image.

use crate::inventory::PublishedPort;

/// One service.
pub(super) struct Service {
    /// What a person calls it.
    pub(super) name: &'static str,
    /// Ports in its container.
    ports: &'static [u16],
    /// What the last part of the names of its images holds.
    images: &'static [&'static str],
    /// The port alone tells it: nobody serves anything else there.
    by_port: bool,
    /// Why it should not be open.
    pub(super) why: &'static str,
}

/// The one table. A port that other things use as well tells nothing without the image.
const SERVICES: &[Service] = &[
    of_data(
        "PostgreSQL",
        &[5432],
        &["postgres", "postgis", "timescale", "pgvector", "pgbouncer", "supabase"],
        true,
    ),
    of_data("MySQL", &[3306, 33060], &["mysql", "mariadb", "percona"], true),
    of_data("SQL Server", &[1433], &["mssql", "azure-sql-edge"], true),
    of_data("MongoDB", &[27017, 27018, 27019], &["mongo", "ferretdb"], true),
    of_data("CockroachDB", &[26257], &["cockroach"], true),
    of_data("ClickHouse", &[8123, 9000], &["clickhouse"], false),
    of_data("InfluxDB", &[8086], &["influxdb"], false),
    without_password("Redis", &[6379], &["redis", "valkey", "keydb", "dragonfly"], true),
    without_password("Memcached", &[11211], &["memcached"], true),
    without_password("Elasticsearch", &[9200, 9300], &["elasticsearch", "opensearch"], true),
    without_password("CouchDB", &[5984], &["couchdb"], true),
    without_password("etcd", &[2379, 2380], &["etcd"], true),
    without_password("Kafka", &[9092], &["kafka", "redpanda"], true),
    without_password("ZooKeeper", &[2181], &["zookeeper"], true),
    Service {
        name: "RabbitMQ",
        ports: &[5672, 15672, 25672],
        images: &["rabbitmq"],
        by_port: true,
        why: "messages of all apps, and a page to administer them by a password",
    },
    Service {
        name: "The Docker Engine's API",
        ports: &[2375, 2376],
        images: &["docker", "docker-socket-proxy", "socket-proxy", "dind"],
        by_port: true,
        why: "whoever reaches it is root on this host",
    },
];

const fn of_data(
    name: &'static str,
    ports: &'static [u16],
    images: &'static [&'static str],
    by_port: bool,
) -> Service {
    Service {
        name,
        ports,
        images,
        by_port,
        why: "one password stands between everybody and the data; scanners try them all day",
    }
}

const fn without_password(
    name: &'static str,
    ports: &'static [u16],
    images: &'static [&'static str],
    by_port: bool,
) -> Service {
    Service { name, ports, images, by_port, why: "as its image comes it asks nobody for a password" }
}

/// The service behind a published port, where it is one of the table.
pub(super) fn of(port: &PublishedPort, image: &str) -> Option<&'static Service> {
    let image = base(image);
    let is_it = |service: &&Service| {
        service.ports.contains(&port.container_port)
            && (service.by_port || service.images.iter().any(|word| image.contains(word)))
    };
    // Memcached answers datagrams too; the others speak over TCP alone.
    let spoken = port.protocol == "tcp" || (port.protocol == "udp" && port.container_port == 11211);
    SERVICES.iter().filter(|_| spoken).find(is_it)
}

/// The last part of an image's name, without its tag: `library/postgres:16` is `postgres`.
pub(super) fn base(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split(':').next().unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(container_port: u16, protocol: &str, image: &str) -> Option<&'static str> {
        let port = PublishedPort { host_ip: None, host_port: 1, container_port, protocol: protocol.into() };
        of(&port, image).map(|service| service.name)
    }

    #[test]
    fn what_a_port_and_an_image_tell() {
        for (port, protocol, image, expected) in [
            (5432, "tcp", "postgres:16-alpine", Some("PostgreSQL")),
            (5432, "tcp", "registry.example.com:5000/team/app:1", Some("PostgreSQL")),
            (3306, "tcp", "mariadb", Some("MySQL")),
            (6379, "tcp", "bitnami/valkey@sha256:00", Some("Redis")),
            (8123, "tcp", "clickhouse/clickhouse-server:24", Some("ClickHouse")),
            (8123, "tcp", "homeassistant/home-assistant", None),
            (9000, "tcp", "minio/minio", None),
            (8086, "tcp", "influxdb:2", Some("InfluxDB")),
            (11211, "udp", "memcached", Some("Memcached")),
            (5432, "udp", "postgres", None),
            (2375, "tcp", "tecnativa/docker-socket-proxy", Some("The Docker Engine's API")),
            (80, "tcp", "postgres", None),
            (3000, "tcp", "grafana/grafana", None),
        ] {
            assert_eq!(seen(port, protocol, image), expected, "{port}/{protocol} of {image}");
        }
    }

    #[test]
    fn no_port_is_of_two_services() {
        let mut ports: Vec<u16> = SERVICES.iter().flat_map(|service| service.ports).copied().collect();
        let all = ports.len();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), all);
    }

    #[test]
    fn an_images_name_is_its_last_part() {
        for (image, expected) in [
            ("postgres", "postgres"),
            ("library/postgres:16", "postgres"),
            ("localhost:5000/x/pg:1", "pg"),
            ("nginx@sha256:abc", "nginx"),
            ("sha256:abc", "sha256"),
            ("", ""),
        ] {
            assert_eq!(base(image), expected);
        }
    }
}
