/**
 * Gitaly addresses: text to a target that can be dialled. Pure.
 * Source: Gitaly 18.9, client dial; grpc-go, dns resolver. Texts are Go's.
 * @module
 */
import { GitTransportError } from "../core/errors.ts";
import { quoteGo } from "../core/go_text.ts";
import { parseGoUrl } from "../core/go_url.ts";
import {
  type HostPort,
  joinHostPort,
  parseIp,
  splitHostPort,
} from "../core/host_port.ts";

/** Ways to reach a Gitaly. */
export type GitalyScheme = "unix" | "tcp" | "tls" | "dns" | "dns+tls";

/** A checked address. */
export type GitalyAddress = UnixAddress | NetworkAddress;

/** A socket in the file system. */
export interface UnixAddress {
  readonly scheme: "unix";
  /** Absolute, or relative to the working directory when it is dialled. */
  readonly path: string;
  /** `:authority` of the calls. */
  readonly authority: string;
}

/** A host on the network. */
export interface NetworkAddress {
  readonly scheme: Exclude<GitalyScheme, "unix">;
  readonly isTls: boolean;
  /** Host without brackets; the port is a number or, as Go allows, a name. */
  readonly target: HostPort;
  /** The name server to ask, instead of the system's. */
  readonly resolver: HostPort | undefined;
  /** `:authority` of the calls. */
  readonly authority: string;
}

const DEFAULT_PORT = "443";
const DEFAULT_RESOLVER_PORT = "53";
/** Stands in the texts alone: the check is made with another default port. */
const CHECKED_PORT = "50051";

/**
 * Checks an address and takes it apart; nothing is resolved or dialled.
 * @param programName Decides the text for an empty address.
 * @throws {GitTransportError} With Go's text, if it cannot be used.
 * @example
 * ```ts
 * import { parseGitalyAddress } from "./address.ts";
 * parseGitalyAddress("unix:/run/gitaly.socket", "gitlab-shell");
 * ```
 */
export function parseGitalyAddress(
  address: string,
  programName: string,
): GitalyAddress {
  if (address === "") {
    throw new GitTransportError(
      programName === "gitaly-ssh"
        ? "gitaly address can not be empty"
        : "no gitaly_address given",
    );
  }
  const url = parseGoUrl(address);
  switch (url?.scheme) {
    case "unix":
      return parseUnix(url.host, url.opaque || url.path);
    case "tcp":
    case "tls":
      return parseHost(url.scheme, url.host, url.path);
    case "dns":
    case "dns+tls":
      return parseDns(url.scheme, url.host, url.path || url.opaque);
    default:
      throw new GitTransportError(
        `invalid connection string: ${quoteGo(address)}`,
      );
  }
}

function parseUnix(host: string, path: string): UnixAddress {
  // Go finds the host out of place when it dials; there is no such socket.
  const dialled = host === "" ? path : `//${host}${path}`;
  return { scheme: "unix", path: dialled, authority: "localhost" };
}

function parseHost(
  scheme: "tcp" | "tls",
  host: string,
  path: string,
): NetworkAddress {
  const context = `failed to extract host for '${scheme}' connection`;
  if (path !== "") {
    throw new GitTransportError(
      `${context}: remote addresses should not have a path: ${quoteGo(path)}`,
    );
  }
  if (host === "") {
    throw new GitTransportError(
      `${context}: remote addresses should have a host`,
    );
  }
  const target = parseTarget(host, DEFAULT_PORT);
  if (typeof target === "string") {
    throw new GitTransportError(
      `failed to dial ${quoteGo(scheme)} connection: ${target}`,
    );
  }
  return {
    scheme,
    isTls: scheme === "tls",
    target,
    resolver: undefined,
    authority: host,
  };
}

function parseDns(
  scheme: "dns" | "dns+tls",
  authority: string,
  path: string,
): NetworkAddress {
  const endpoint = path.replace(/^\//, "");
  const target = parseTarget(endpoint, DEFAULT_PORT);
  const resolver = authority === ""
    ? undefined
    : parseTarget(authority, DEFAULT_RESOLVER_PORT);
  for (const parsed of [target, resolver]) {
    if (typeof parsed === "string") {
      throw new GitTransportError(
        `failed to parse target for '${scheme}' connection: ${parsed}`,
      );
    }
  }
  return {
    scheme,
    isTls: scheme === "dns+tls",
    target: target as HostPort,
    resolver: resolver as HostPort | undefined,
    authority: scheme === "dns" ? endpoint : (target as HostPort).host,
  };
}

/** A host with or without port, as grpc-go's resolver reads it, or its text. */
function parseTarget(text: string, defaultPort: string): HostPort | string {
  if (text === "") return "dns resolver: missing address";
  if (parseIp(text) !== undefined) return { host: text, port: defaultPort };
  const split = splitHostPort(text);
  if (typeof split !== "string") {
    if (split.port === "") {
      return "dns resolver: missing port after port-separator colon";
    }
    return { host: split.host || "localhost", port: split.port };
  }
  const completed = splitHostPort(`${text}:${CHECKED_PORT}`);
  return typeof completed === "string"
    ? `dns resolver: ${completed}`
    : { host: completed.host, port: defaultPort };
}

/** `host:port` of a target, for texts and proxies. */
export function targetText({ target }: NetworkAddress): string {
  return joinHostPort(target);
}
