# The exporter as one static binary in an empty image.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY . .
# With an explicit target the flags reach the exporter alone: procedural macros cannot be linked statically.
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
 && RUSTFLAGS='-C target-feature=+crt-static' cargo build --release --locked --package destination-exporter --target "$target" \
 && cp "target/$target/release/destination-exporter" /destination-exporter

FROM debian:bookworm-slim AS certificates
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*

FROM scratch
COPY --from=certificates /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /destination-exporter /destination-exporter
EXPOSE 10061
ENTRYPOINT ["/destination-exporter"]
CMD ["serve", "--web.listen-address=:10061"]
