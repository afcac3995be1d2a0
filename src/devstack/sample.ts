/**
 * The people and projects that a stack has when it is told nothing else.
 * @module
 */
import type { DevProject, DevUser } from "./api/directory.ts";
import type { SeedContent } from "./seed.ts";

/** A project and what is in its repository. */
export type SampleProject =
  & Omit<DevProject, "storageName" | "relativePath">
  & {
    readonly content: SeedContent;
    readonly objectFormat?: "sha1" | "sha256";
  };

/** Names by which tests and the demo find their way. */
export const SAMPLE = {
  username: "mira",
  userId: 5,
  /** Key of that user. */
  keyId: 1,
  /** The user's one-time password, which never changes. */
  otp: "123456",
  /** The user may read and write it. */
  project: "tanuki/reef",
  /** The user may read it; GitLab wants to be told of each fetch. */
  readOnlyProject: "tanuki/atoll",
  /** The user may not know of it. */
  privateProject: "tanuki/trench",
  /** As `project`; for whoever wants to wear out a rate limit. */
  busyProject: "tanuki/harbour",
} as const;

const ROOT_NAMESPACE_ID = 9;

/** Users of the sample. */
export const SAMPLE_USERS: readonly DevUser[] = [
  {
    id: SAMPLE.userId,
    username: SAMPLE.username,
    name: "Mira Reef",
    otp: SAMPLE.otp,
  },
  { id: 6, username: "otto", name: "Otto Octopus" },
];

/** Projects of the sample. */
export const SAMPLE_PROJECTS: readonly SampleProject[] = [
  sampleProject(88, SAMPLE.project, { mira: "push" }),
  {
    ...sampleProject(89, SAMPLE.readOnlyProject, {
      mira: "pull",
      otto: "push",
    }),
    needsAudit: true,
  },
  sampleProject(90, SAMPLE.privateProject, { otto: "push" }),
  sampleProject(91, SAMPLE.busyProject, { mira: "push" }),
];

/** A well-formed public key of which nobody has the other half. */
export const SAMPLE_PUBLIC_KEY =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f mira@reef";

function sampleProject(
  id: number,
  path: string,
  members: DevProject["members"],
): SampleProject {
  return {
    id,
    path,
    members,
    rootNamespaceId: ROOT_NAMESPACE_ID,
    visibility: "private",
    content: { kind: "sample" },
  };
}
