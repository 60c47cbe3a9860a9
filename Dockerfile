# The service as a container: built with the oldest supported Rust, run without a shell, as nobody in particular.
#
#   docker build -t log-ingestion:0.1.0 .
#   docker run --rm --env-file .env -v logs:/data/logs log-ingestion:0.1.0

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY crates crates
COPY xtask xtask
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --release --locked --package log-ingestion --bin log-ingestion \
    && install -D target/release/log-ingestion /out/log-ingestion \
    && install -d /out/logs

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="log-ingestion" \
      org.opencontainers.image.description="Rapid7 Log Search to Parquet" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/log-ingestion /usr/bin/log-ingestion
# A volume that is mounted here for the first time takes its owner.
COPY --from=build --chown=65532:65532 /out/logs /data/logs
ENV OUTPUT_DIR=/data/logs LOG_FORMAT=json
VOLUME /data/logs
USER 65532:65532
# The endpoint of metrics and health is on loopback unless METRICS_ADDR says otherwise.
EXPOSE 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/bin/log-ingestion", "health"]
ENTRYPOINT ["/usr/bin/log-ingestion"]
CMD ["run", "--continuous"]
