/**
 * Every key of `config.yml` that a program reads: the one table behind the
 * decoder, the lint of unknown keys and whatever describes the file.
 * Source: GitLab Shell 14.56.1, config.yml and its example.
 * @module
 */

/** What a key may hold, and under which name it reaches {@link ConfigValues}. */
export type ConfigKeyType =
  /** Text; a number or a word is taken as it is spelled. */
  | "string"
  | "bool"
  /** A whole number of either sign. */
  | "integer"
  /** Whole seconds, not negative. */
  | "seconds"
  /** Seconds as a number, or text with units such as `1m30s`; milliseconds inside. */
  | "duration"
  /** Text with units alone; a bare number is refused. Milliseconds inside. */
  | "duration_text"
  | "strings";

/** The value of a key of type `T` inside the program. */
export type ConfigKeyValue<T extends ConfigKeyType> = T extends "string"
  ? string
  : T extends "bool" ? boolean
  : T extends "strings" ? readonly string[]
  : number;

/** One row: durations default to milliseconds, `seconds` to seconds. */
export interface ConfigKeyRow<T extends ConfigKeyType = ConfigKeyType> {
  /** Dotted name, in the spelling of the file. */
  readonly path: string;
  readonly type: T;
  readonly default: ConfigKeyValue<T>;
  /** One line for the operator. */
  readonly meaning: string;
  /** Never to be shown. */
  readonly isSecret?: true;
}

type AnyRow = { [T in ConfigKeyType]: ConfigKeyRow<T> }[ConfigKeyType];

const HOST_KEY = "/run/secrets/ssh-hostkeys/ssh_host_";

/** The table, in the order in which the file is usually written. */
export const CONFIG_KEYS = [
  {
    path: "user",
    type: "string",
    default: "git",
    meaning: "Account name that gitlab-sshd accepts",
  },
  {
    path: "gitlab_url",
    type: "string",
    default: "",
    meaning: "Base of the internal API: http://, https:// or http+unix://",
  },
  {
    path: "gitlab_relative_url_root",
    type: "string",
    default: "",
    meaning: "Path prefix, with http+unix:// alone",
  },
  {
    path: "http_settings.user",
    type: "string",
    default: "",
    meaning: "HTTP Basic user; used only together with the password",
  },
  {
    path: "http_settings.password",
    type: "string",
    default: "",
    meaning: "HTTP Basic password; used only together with the user",
    isSecret: true,
  },
  {
    path: "http_settings.read_timeout",
    type: "seconds",
    default: 300,
    meaning: "Bound of one attempt; 0 means 300",
  },
  {
    path: "http_settings.ca_file",
    type: "string",
    default: "",
    meaning: "PEM file of further trusted certificates, https alone",
  },
  {
    path: "http_settings.ca_path",
    type: "string",
    default: "",
    meaning: "Directory of further trusted PEM files, https alone",
  },
  {
    path: "auth_file",
    type: "string",
    default: "",
    meaning: "The authorized_keys file that gitlab-keys manages",
  },
  {
    path: "secret",
    type: "string",
    default: "",
    meaning: "Shared secret of the internal API; wins over secret_file",
    isSecret: true,
  },
  {
    path: "secret_file",
    type: "string",
    default: ".gitlab_shell_secret",
    meaning: "File that holds the shared secret",
  },
  {
    path: "ssl_cert_dir",
    type: "string",
    default: "",
    meaning: "Directory of trusted certificates, exported as SSL_CERT_DIR",
  },
  {
    path: "log_file",
    type: "string",
    default: "gitlab-shell.log",
    meaning: "File that records are appended to",
  },
  {
    path: "log_level",
    type: "string",
    default: "info",
    meaning: "debug, info, warn or error, with an offset such as info+2",
  },
  {
    path: "log_format",
    type: "string",
    default: "json",
    meaning: "Without effect; GITLAB_LOG_FORMAT decides",
  },
  {
    path: "gitlab_tracing",
    type: "string",
    default: "",
    meaning: "Connection string of distributed tracing",
  },
  {
    path: "lfs.pure_ssh_protocol",
    type: "bool",
    default: false,
    meaning: "Allows git-lfs-transfer",
  },
  {
    path: "pat.enabled",
    type: "bool",
    default: true,
    meaning: "Allows personal_access_token",
  },
  {
    path: "pat.allowed_scopes",
    type: "strings",
    default: [],
    meaning: "Scopes that a token may have; empty means all",
  },
  {
    path: "sshd.listen",
    type: "string",
    default: "[::]:22",
    meaning: "Address of the SSH listener",
  },
  {
    path: "sshd.web_listen",
    type: "string",
    default: "localhost:9122",
    meaning: "Address of the monitoring listener; empty switches it off",
  },
  {
    path: "sshd.proxy_protocol",
    type: "bool",
    default: false,
    meaning: "Expects the PROXY protocol on every connection",
  },
  {
    path: "sshd.proxy_policy",
    type: "string",
    default: "",
    meaning: "use, require, reject or ignore; anything else means use",
  },
  {
    path: "sshd.proxy_allowed",
    type: "strings",
    default: [],
    meaning: "Addresses and ranges whose PROXY header counts",
  },
  {
    path: "sshd.proxy_header_timeout",
    type: "duration",
    default: 500,
    meaning: "How long a PROXY header may take",
  },
  {
    path: "sshd.concurrent_sessions_limit",
    type: "integer",
    default: 10,
    meaning: "Sessions at a time on one connection",
  },
  {
    path: "sshd.client_alive_interval",
    type: "duration",
    default: 15_000,
    meaning: "Pause between keepalives; 0 or less switches them off",
  },
  {
    path: "sshd.grace_period",
    type: "duration",
    default: 10_000,
    meaning: "How long running sessions may go on at shutdown",
  },
  {
    path: "sshd.login_grace_time",
    type: "duration",
    default: 60_000,
    meaning: "How long a login may take; 0 or less means no bound",
  },
  {
    path: "sshd.max_startups",
    type: "string",
    default: "100:30:1000",
    meaning:
      "Connections before login, start:percent:full, or none for no bound",
  },
  {
    path: "sshd.per_source_max_startups",
    type: "integer",
    default: 100,
    meaning: "Connections before login from one source; 0 for no bound",
  },
  {
    path: "sshd.per_source_net_block_size",
    type: "string",
    default: "32:64",
    meaning: "Bits of an IPv4 and of an IPv6 address that make one source",
  },
  {
    path: "sshd.per_source_penalties",
    type: "string",
    default: "yes",
    meaning: "yes, no, or seconds such as authfail:5 min:15 max:600",
  },
  {
    path: "sshd.per_source_exempt",
    type: "strings",
    default: [
      "127.0.0.0/8",
      "::1/128",
      "10.0.0.0/8",
      "172.16.0.0/12",
      "192.168.0.0/16",
      "100.64.0.0/10",
      "169.254.0.0/16",
      "fc00::/7",
      "fe80::/10",
    ],
    meaning: "Addresses and ranges without a bound or penalty of their own",
  },
  {
    path: "sshd.workers",
    type: "integer",
    default: 1,
    meaning: "Threads that serve; 0 means one for each processor",
  },
  {
    path: "sshd.readiness_probe",
    type: "string",
    default: "/start",
    meaning: "Path of the readiness probe",
  },
  {
    path: "sshd.liveness_probe",
    type: "string",
    default: "/health",
    meaning: "Path of the liveness probe",
  },
  {
    path: "sshd.host_key_files",
    type: "strings",
    default: [
      `${HOST_KEY}rsa_key`,
      `${HOST_KEY}ecdsa_key`,
      `${HOST_KEY}ed25519_key`,
    ],
    meaning: "Private host keys; those that cannot be read are skipped",
  },
  {
    path: "sshd.host_cert_files",
    type: "strings",
    default: [],
    meaning: "Host certificates",
  },
  {
    path: "sshd.trusted_user_ca_keys",
    type: "strings",
    default: [],
    meaning: "Files of certificate authorities whose users may log in",
  },
  {
    path: "sshd.macs",
    type: "strings",
    default: [],
    meaning: "Message authentication codes; empty means the usual ones",
  },
  {
    path: "sshd.kex_algorithms",
    type: "strings",
    default: [],
    meaning: "Key exchanges; empty means the usual ones",
  },
  {
    path: "sshd.ciphers",
    type: "strings",
    default: [],
    meaning: "Ciphers; empty means the usual ones",
  },
  {
    path: "sshd.public_key_algorithms",
    type: "strings",
    default: [],
    meaning: "Signature algorithms of users; empty means the usual ones",
  },
  {
    path: "sshd.gssapi.enabled",
    type: "bool",
    default: false,
    meaning: "Offers Kerberos logins",
  },
  {
    path: "sshd.gssapi.keytab",
    type: "string",
    default: "",
    meaning: "Keytab; empty means the system's",
  },
  {
    path: "sshd.gssapi.service_principal_name",
    type: "string",
    default: "",
    meaning: "Service principal; empty means any in the keytab",
  },
  {
    path: "sshd.gssapi.libpath",
    type: "string",
    default: "",
    meaning: "GSSAPI library; empty means the system's",
  },
  {
    path: "topology_service.enabled",
    type: "bool",
    default: false,
    meaning: "Asks the Topology Service which Cell answers",
  },
  {
    path: "topology_service.address",
    type: "string",
    default: "",
    meaning: "host:port of the Topology Service",
  },
  {
    path: "topology_service.timeout",
    type: "duration_text",
    default: 5_000,
    meaning: "Bound of one attempt, with a unit; 0s means 5s",
  },
  {
    path: "topology_service.tls.enabled",
    type: "bool",
    default: false,
    meaning: "Speaks TLS to the Topology Service",
  },
  {
    path: "topology_service.tls.ca_file",
    type: "string",
    default: "",
    meaning: "The only trusted roots; empty means the system's",
  },
  {
    path: "topology_service.tls.cert_file",
    type: "string",
    default: "",
    meaning: "Client certificate; together with key_file",
  },
  {
    path: "topology_service.tls.key_file",
    type: "string",
    default: "",
    meaning: "Key of the client certificate",
  },
  {
    path: "topology_service.tls.server_name",
    type: "string",
    default: "",
    meaning: "Name in the server's certificate; empty means the address's",
  },
  {
    path: "topology_service.tls.insecure_skip_verify",
    type: "bool",
    default: false,
    meaning: "Trusts any certificate",
  },
  {
    path: "topology_service.cell_endpoint.scheme",
    type: "string",
    default: "",
    meaning: "http or https, for requests to a Cell",
  },
  {
    path: "topology_service.cell_endpoint.port",
    type: "integer",
    default: 0,
    meaning: "Port for requests to a Cell",
  },
] as const satisfies readonly AnyRow[];

/** A row of the table. */
export type ConfigKey = typeof CONFIG_KEYS[number];
/** Paths of the keys of one type. */
export type ConfigPath<T extends ConfigKeyType> = Extract<
  ConfigKey,
  { type: T }
>["path"];
