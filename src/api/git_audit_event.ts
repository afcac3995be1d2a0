/**
 * `/shellhorse/git_audit_event`: what GitLab wants to know once a Git
 * operation has ended well. Pure.
 * Source: GitLab Shell 14.56.1, gitauditevent.
 * @module
 */
import { stringifyGoJson } from "../core/go_text.ts";
import { normalizeCheckIp } from "./allowed.ts";

/** Negotiation figures of a fetch, as Gitaly counts them. */
export interface AuditedPackfile {
  readonly payloadSize: number;
  readonly packets: number;
  readonly caps: readonly string[];
  readonly wants: number;
  readonly haves: number;
  readonly shallows: number;
  readonly deepen: string;
  readonly filter: string;
}

/** One operation to be told of. */
export interface GitAuditEvent {
  readonly action: "git-upload-pack" | "git-receive-pack";
  readonly glRepository: string;
  readonly glUsername: string;
  /** 0 for none. */
  readonly glKeyId: number;
  /** Fetches only. */
  readonly packfile: AuditedPackfile | undefined;
  /** Client address as the SSH layer knows it, port allowed; may be empty. */
  readonly remoteAddress: string;
  readonly namespacePath: string;
}

/** The JSON text of an event; empty members are left out, in Go's order. */
export function encodeAuditEvent(event: GitAuditEvent): string {
  const { packfile } = event;
  return stringifyGoJson({
    action: event.action,
    protocol: "ssh",
    gl_repository: event.glRepository,
    username: event.glUsername,
    key_id: event.glKeyId || undefined,
    packfile_stats: packfile && {
      payload_size: packfile.payloadSize || undefined,
      packets: packfile.packets || undefined,
      caps: packfile.caps.length === 0 ? undefined : packfile.caps,
      wants: packfile.wants || undefined,
      haves: packfile.haves || undefined,
      shallows: packfile.shallows || undefined,
      deepen: packfile.deepen || undefined,
      filter: packfile.filter || undefined,
    },
    check_ip: normalizeCheckIp(event.remoteAddress) || undefined,
    changes: "_any",
    namespace_path: event.namespacePath || undefined,
  });
}
