/**
 * Settings of the runtime and of the shell that a user could try to send.
 * @module
 */

/** Variables with which a user could tell a runtime what to do. */
export const HOSTILE_ENVIRONMENT: Readonly<Record<string, string>> = {
  DENO_AUDIT_PERMISSIONS: "./audit.jsonl",
  DENO_CERT: "./none.pem",
  DENO_COVERAGE_DIR: "./coverage",
  DENO_DIR: "./deno_dir",
  DENO_LOG: "debug",
  DENO_TLS_CA_STORE: "mozilla",
  DENO_TRACE_PERMISSIONS: "1",
  DENO_UNSTABLE_CONTROL_SOCK: "unix:./control.sock",
  DENO_V8_FLAGS: "--trace-gc",
  NODE_CHANNEL_FD: "1",
  NODE_EXTRA_CA_CERTS: "./none.pem",
  NODE_OPTIONS: "--require=./none.js",
  NODE_V8_COVERAGE: "./coverage",
  NPM_CONFIG_REGISTRY: "http://localhost:1/",
  OTEL_DENO: "true",
  OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:1/",
  RUST_BACKTRACE: "1",
  RUST_LOG: "trace",
  SSLKEYLOGFILE: "./keys.log",
  TMPDIR: ".",
  XDG_CACHE_HOME: "./cache",
  // Names that the launcher uses itself.
  denied: "./none",
  file: "./none",
  folder: "./none",
  hidden: "./none",
  home: "./none",
  name: "./none",
  self: "./none",
  word: "./none",
  IFS: "/",
  CDPATH: "/",
  ENV: "./none",
};
