# The program and its licence, nothing else: no shell, no package, no writable
# folder. `make image` builds the binary (static, without cgo) and then this, with
# no network.
#
#   docker run --read-only --cap-drop ALL --memory 512m --pids-limit 256 -v "$PWD/pki:/pki:ro" -p 8443:8443 mpicsim \
#     serve perspective --config /pki/perspectives/gcp-us-west1/perspective.json
#
# What it has to write (log_dir of a perspective, --audit of a coordinator) is a
# volume of yours that user 65532, or the one given with --user, may write to; a
# perspective without log_dir writes nothing. Certificates of public CAs are not
# needed to validate domains; for `check` and `conformance` against an https URL
# mount yours at /etc/ssl/certs. Private keys must be readable by that user alone;
# for secrets of an orchestrator that only a group may read there is
# secrets_group_readable in the configuration.
FROM scratch
COPY --chmod=644 LICENSE /LICENSE
COPY --chmod=755 bin/mpicsim /mpicsim
USER 65532:65532
# Of a coordinator, of a perspective.
EXPOSE 8000 8443
# Asks at 127.0.0.1:8000 and 127.0.0.1:8081 (health_listen).
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD ["/mpicsim", "health"]
ENTRYPOINT ["/mpicsim"]
CMD ["--help"]
