/**
 * What a Geo secondary answers to an access check: go to the primary.
 * Source: GitLab Rails EE, lib/ee/gitlab/geo_git_access.rb.
 * @module
 */
import { signGeoToken } from "../git_http/geo_token.ts";
import type { DevProject } from "./directory.ts";
import type { ApiAnswer } from "./endpoint.ts";

/** What a secondary knows of its primary. */
export interface GeoSecondary {
  /** Web address of the primary, without slash at its end. */
  readonly primaryUrl: string;
  /** Shared with the primary. */
  readonly secret: string;
  /** Whether Git's SSH protocol is spoken over HTTP, as GitLab does today. */
  isDirect: boolean;
  /** Whether fetches are sent on too; pushes always are. */
  readonly forwardsFetches: boolean;
}

/** @returns `undefined` if the secondary serves the command itself. */
export function forwardToPrimary(
  geo: GeoSecondary | undefined,
  { action, project, glId, glUsername }: {
    readonly action: string;
    readonly project: DevProject;
    readonly glId: string;
    readonly glUsername: string;
  },
  nowMs: number,
): ApiAnswer | undefined {
  if (!geo || action === "git-upload-archive") return undefined;
  if (action === "git-upload-pack" && !geo.forwardsFetches) return undefined;
  const { primaryUrl, secret, isDirect } = geo;
  const { path } = project;
  const authorization = signGeoToken({ scope: path, glId }, secret, nowMs);
  const host = new URL(primaryUrl).host;
  return {
    status: 300,
    body: {
      status: true,
      payload: {
        action: "geo_proxy_to_primary",
        data: {
          api_endpoints: ["/api/v4/geo/proxy_git_ssh/info_refs_upload_pack"],
          gl_username: glUsername,
          gl_id: glId,
          primary_repo: `${primaryUrl}/${path}.git`,
          geo_proxy_direct_to_primary: true,
          geo_proxy_fetch_direct_to_primary: true,
          geo_proxy_fetch_ssh_direct_to_primary: isDirect,
          geo_proxy_push_ssh_direct_to_primary: isDirect,
          request_headers: { Authorization: authorization },
        },
      },
      gl_console_messages: [
        "This request to a Geo secondary node will be forwarded to the",
        "Geo primary node:",
        "",
        `  http://${host}/${path}.git`,
      ],
    },
  };
}
