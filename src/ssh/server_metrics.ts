/**
 * What gitlab-sshd counts. The names and the buckets of the reference are all
 * there, since dashboards depend on them; further buckets stand between them,
 * and further metrics have names of their own.
 * Source: GitLab Shell 14.56.1, metrics of sshd and of its clients.
 * @module
 */
import { MetricRegistry } from "../core/metrics.ts";

const SESSION_BOUNDS = [
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
  60,
  300,
  1800,
];
const ESTABLISHED_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const HTTP_BOUNDS = [
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  10,
  30,
  60,
  300,
];
const TOPOLOGY_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const LOGIN_BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The metrics of one thread of the server. */
export class ServerMetrics {
  readonly registry = new MetricRegistry();

  readonly inFlightConnections = this.registry.gauge({
    name: "gitlab_shell_sshd_in_flight_connections",
    help: "Connections that are being served.",
  });
  readonly limitedSessions = this.registry.counter({
    name: "gitlab_shell_sshd_concurrent_limited_sessions_total",
    help: "Sessions refused by the limit of one connection.",
  });
  readonly sessionDuration = this.registry.histogram({
    name: "gitlab_shell_sshd_session_duration_seconds",
    help: "From the opening of a session to its end.",
  }, SESSION_BOUNDS);
  readonly establishedDuration = this.registry.histogram({
    name: "gitlab_shell_sshd_session_established_duration_seconds",
    help: "From the opening of a session to the start of its command.",
  }, ESTABLISHED_BOUNDS);
  readonly sessions = this.registry.counter({
    name: "gitlab_sli:shell_sshd_sessions:total",
    help: "Sessions that were accepted.",
  });
  readonly sessionErrors = this.registry.counter({
    name: "gitlab_sli:shell_sshd_sessions:errors_total",
    help: "Sessions that failed through a fault of ours.",
  });
  readonly connections = this.registry.counter({
    name: "gitlab_sli:shell_sshd_connections:total",
    help: "Connections on which somebody tried to log in.",
  });
  readonly connectionErrors = this.registry.counter({
    name: "gitlab_sli:shell_sshd_connections:errors_total",
    help: "Connections that met a fault of ours.",
  });

  readonly httpInFlight = this.registry.gauge({
    name: "gitlab_shell_http_in_flight_requests",
    help: "Requests to the internal API that wait for an answer.",
  });
  readonly httpRequests = this.registry.counter({
    name: "gitlab_shell_http_requests_total",
    help: "Requests to the internal API that were answered.",
    labelNames: ["code", "method"],
  });
  readonly httpDuration = this.registry.histogram({
    name: "gitlab_shell_http_request_duration_seconds",
    help: "How long the internal API takes to answer.",
    labelNames: ["code", "method"],
  }, HTTP_BOUNDS);
  readonly gitalyConnections = this.registry.counter({
    name: "gitlab_shell_gitaly_connections_total",
    help: "Calls to Gitaly by whether it could be reached.",
    labelNames: ["status"],
  });
  readonly topologyConnections = this.registry.counter({
    name: "gitlab_shell_topology_connections_total",
    help: "Connections to the Topology Service by whether they stood.",
    labelNames: ["status"],
  });
  readonly topologyRequests = this.registry.counter({
    name: "gitlab_shell_topology_requests_total",
    help: "Attempts to ask the Topology Service by whether it answered.",
    labelNames: ["status"],
  });
  readonly topologyDuration = this.registry.histogram({
    name: "gitlab_shell_topology_request_duration_seconds",
    help: "How long the Topology Service takes to answer.",
  }, TOPOLOGY_BOUNDS);
  readonly lfsHttp = this.registry.counter({
    name: "lfs_http_connections_total",
    help: "Sessions of git-lfs-authenticate.",
  });
  readonly lfsSsh = this.registry.counter({
    name: "lfs_ssh_connections_total",
    help: "Sessions of git-lfs-transfer.",
  });
  readonly grpcStarted = this.registry.counter({
    name: "grpc_client_started_total",
    help: "Calls to Gitaly that were started.",
    labelNames: ["grpc_method", "grpc_service", "grpc_type"],
  });
  readonly grpcHandled = this.registry.counter({
    name: "grpc_client_handled_total",
    help: "Calls to Gitaly that have ended.",
    labelNames: ["grpc_code", "grpc_method", "grpc_service", "grpc_type"],
  });

  readonly refusedConnections = this.registry.counter({
    name: "gitlab_shell_sshd_refused_connections_total",
    help: "Connections turned away before login, by setting.",
    labelNames: ["reason"],
  });
  readonly refusedLogins = this.registry.counter({
    name: "gitlab_shell_sshd_refused_logins_total",
    help: "Attempts to log in that were refused, by who is to blame.",
    labelNames: ["blame"],
  });
  readonly lookupDuration = this.registry.histogram({
    name: "gitlab_shell_sshd_login_lookup_duration_seconds",
    help: "How long it takes to find out whom a key belongs to.",
  }, LOGIN_BOUNDS);
  readonly handshakes = this.registry.counter({
    name: "gitlab_shell_sshd_handshakes_total",
    help: "Key exchanges by algorithms.",
    labelNames: ["cipher", "host_key", "kex"],
  });
  readonly receivedBytes = this.registry.counter({
    name: "gitlab_shell_sshd_received_bytes_total",
    help: "Bytes received from clients, counted when a connection ends.",
  });
  readonly sentBytes = this.registry.counter({
    name: "gitlab_shell_sshd_sent_bytes_total",
    help: "Bytes sent to clients, counted when a connection ends.",
  });
}
