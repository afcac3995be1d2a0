/**
 * What `gitlab-keys --help` prints.
 * @module
 */

/** The whole text. */
export const USAGE = `Usage: gitlab-keys <command> [<word>...] [--<option>...]

Run by sshd
  check [--deadline=<s>] <expected-user> <actual-user> <key>
  principals <key-id> <principal>...

The authorized_keys file
  add-key <key_id> <key>       add one key; nothing to do if it is there
  batch-add-keys               add all of "<key_id> TAB <key>" lines, or none
  rm-key <key_id>              turn its lines into comments
  list-keys, list-key-ids      [--managed-only]
  clear                        [--keep-foreign]
  check-permissions            make the file if needed; can it be written?
  compact                      take removed lines out
  dedupe                       take lines out whose id or key is there twice
  rebuild [<file>|-]           all managed lines anew, from a list like a batch
                               [--skip-invalid] [--allow-empty]
                               [--adopt-root=<path>] [--from-api]
  verify [<file>|-]            compare the file with such a list, or with GitLab
                               [--from-api] [--fix] [--json]

Keys
  fingerprint <key>|-          what a key is [--json]
  lookup <key>|-               whose it is, and what sshd is told [--json]
  sshd-config [file|command|certificates] [--ca-file=<path>]

Options
  --auth-file=<path>           instead of auth_file in config.yml
  --lock-timeout=<s>           how long to wait for other writers
  --dry-run                    say what would be done (commands that write)
  --strict                     ids are key-<digits>, keys of a known type
  --quiet, --no-progress, --total=<n>   for long commands
  --                           what follows is no option

Exit status: 0, or 1 for a failure, for "not allowed" and for a file that
verify finds at fault.
`;
