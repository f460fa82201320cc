ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG DEBIAN_IMAGE=debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
WORKDIR /build

# The dependencies over an empty crate: this layer is built anew only when Cargo.toml, Cargo.lock or .cargo change.
COPY Cargo.toml Cargo.lock ./
COPY bench/Cargo.toml bench/
COPY .cargo .cargo
RUN mkdir src bench/src && touch src/lib.rs && echo 'fn main() {}' | tee src/main.rs > bench/src/main.rs \
    && cargo build --release --locked

COPY . .
# COPY keeps the files' own times, older than the empty crate: without the touch cargo would call that one fresh.
RUN touch src/lib.rs src/main.rs \
    && cargo build --release --locked

FROM ${DEBIAN_IMAGE}
RUN groupadd --gid 10001 campanile \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /campanile-data --shell /usr/sbin/nologin campanile \
    && install -d -o campanile -g campanile -m 0700 /campanile-data
COPY --from=build /build/target/release/campanile /usr/local/bin/

# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
# Database and signing secret go to `campanile-data` in the working directory: with `/`, that is the volume.
WORKDIR /
VOLUME /campanile-data
ENV CAMPANILE_LISTEN=0.0.0.0:8080
EXPOSE 8080
STOPSIGNAL SIGTERM

# Bash opens the connection itself, so the image needs no HTTP client. Under TLS it asks only whether the port answers.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${CAMPANILE_LISTEN##*:} || exit 1; [ -n \"$CAMPANILE_TLS_CERT\" ] && exit 0; printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3; read -r _ status _ <&3; [ \"$status\" = 200 ]"]

ENTRYPOINT ["campanile"]
CMD ["serve"]
