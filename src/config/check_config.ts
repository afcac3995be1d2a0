/**
 * What is checked and completed after the file has been decoded. Pure.
 * Source: GitLab Shell 14.56.1, config package; Go net/url.PathUnescape.
 * @module
 */
import { ConfigError } from "../core/errors.ts";
import { quoteGo } from "../core/go_text.ts";
import type { TopologyServiceConfig } from "./config.ts";

const MALFORMED_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const ESCAPE_CHARS = 3;
const PORT_MAX = 65_535;

/**
 * Decodes the percent escapes of a whole URL; `+` stays what it is.
 * @throws {ConfigError} If an escape is malformed.
 */
export function decodeGitlabUrl(url: string, file: string): string {
  // Most URLs have no escape.
  if (!url.includes("%")) return url;
  const where = { file, key: "gitlab_url" };
  const at = url.search(MALFORMED_ESCAPE);
  if (at >= 0) {
    const escape = quoteGo(url.slice(at, at + ESCAPE_CHARS));
    throw new ConfigError(`invalid URL escape ${escape}`, where);
  }
  try {
    return decodeURIComponent(url);
  } catch (cause) {
    // Go would go on with bytes that are no text; no socket here has such a name.
    const text = "gitlab_url is not UTF-8 once it is unescaped";
    throw new ConfigError(text, where, { cause });
  }
}

/**
 * Checks the Topology Service's section, if it is enabled.
 * @throws {ConfigError} The first fault, in the reference's order.
 */
export function checkTopologyService(
  service: TopologyServiceConfig,
  file: string,
): void {
  if (!service.enabled) return;
  const fault = findTopologyFault(service);
  if (!fault) return;
  const [key, text] = fault;
  throw new ConfigError(
    `invalid topology_service config: topology_service.${text}`,
    { file, key: `topology_service.${key}` },
  );
}

/** @returns The key and the text after `topology_service.`. */
function findTopologyFault(
  { address, tls, cellEndpoint: { scheme, port } }: TopologyServiceConfig,
): readonly [key: string, text: string] | undefined {
  if (address === "") return ["address", "address is required when enabled"];
  if (!address.includes(":")) {
    return ["address", "address must be in host:port format"];
  }
  if (tls.enabled && (tls.certFile === "") !== (tls.keyFile === "")) {
    return [
      "tls",
      "tls: both cert_file and key_file must be provided for mTLS",
    ];
  }
  if (scheme !== "http" && scheme !== "https") {
    return [
      "cell_endpoint.scheme",
      'cell_endpoint: scheme is required and must be "http" or "https"',
    ];
  }
  if (port >= 1 && port <= PORT_MAX) return undefined;
  return [
    "cell_endpoint.port",
    "cell_endpoint: port is required and must be between 1 and 65535",
  ];
}
