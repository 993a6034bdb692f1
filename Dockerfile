# The exporter as one static binary in an empty image.
#
# Where no registry is reached, or another one is to be asked, name the images:
#   docker build --build-arg BUILD_IMAGE=… --build-arg CERTIFICATES_IMAGE=… -t destination-exporter .
ARG BUILD_IMAGE=rust:1.95-slim-bookworm
ARG CERTIFICATES_IMAGE=debian:bookworm-slim

# Needs cargo, a C compiler and the C library's static archive.
FROM ${BUILD_IMAGE} AS build
# The commit, for `destination_exporter_build_info`.
ARG REVISION=
WORKDIR /build
COPY . .
# With an explicit target the flags reach the exporter alone: procedural macros cannot be linked statically.
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
 && REVISION="$REVISION" RUSTFLAGS='-C target-feature=+crt-static' \
    cargo build --profile dist --locked --package destination-exporter --target "$target" \
 && cp "target/$target/dist/destination-exporter" /destination-exporter

FROM ${CERTIFICATES_IMAGE} AS certificates
RUN [ -s /etc/ssl/certs/ca-certificates.crt ] \
 || { apt-get update && apt-get install -y --no-install-recommends ca-certificates; }

FROM scratch
COPY --from=certificates /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /destination-exporter /destination-exporter
# Root, without its capabilities: docs/deployment.md says which one is given back. Another user would get none.
EXPOSE 10061
# No other program is here to ask. Asks whichever of HTTP and HTTPS is spoken; who listens elsewhere says where.
HEALTHCHECK --interval=30s --timeout=10s CMD ["/destination-exporter", "healthcheck", "--web.listen-address=:10061"]
ENTRYPOINT ["/destination-exporter"]
# Own flags replace this line, so they name the address again. On the host's network that is a loopback one: docs/deployment.md.
CMD ["serve", "--web.listen-address=:10061"]
