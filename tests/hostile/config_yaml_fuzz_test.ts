/**
 * Fuzz target: `config.yml`. The quick reader and the complete parser make the
 * same of every file that the quick one reads; whatever the file says, the
 * answer is a configuration or one refusal.
 */
import { listUnknownKeys, parseConfig } from "../../src/config/parse.ts";
import { readSimpleYaml } from "../../src/config/simple_yaml.ts";
import { ConfigError } from "../../src/core/errors.ts";
import { defineFuzzTarget, refusal } from "../support/fuzz_target.ts";
import { assertSameAsFull } from "../support/yaml_meaning.ts";

const decoder = new TextDecoder();

defineFuzzTarget(import.meta.url, {
  seeds: [
    "user: git\ngitlab_url: http://localhost:8080\nhttp_settings:\n" +
    "  read_timeout: 300\n  self_signed_cert: false\nlog_level: INFO\n",
    "sshd:\n  listen: '[::]:22'\n  host_key_files:\n    - /a\n    - \"/b\"\n" +
    "  ciphers: [aes128-ctr, 'x']\n  grace_period: 10s\n",
    "# comment\n---\na: &x {b: [c, 1.5, ~]}\nd: *x\n<<: *x\ne: |\n  text\n",
    "lfs:\n  pure_ssh_protocol: yes\npat:\n  enabled: true\n  allowed_scopes: []\n",
    "secret: !!str 1\n? a\n: b\n...\n",
  ],
  words: [
    ": ",
    "- ",
    "\n  ",
    "\n",
    "\t",
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "|\n",
    ">-\n",
    "---\n",
    "...\n",
    "{",
    "}",
    "[",
    "]",
    " #",
    "%YAML 1.2\n",
    "'",
    '"',
    "\\u0000",
    "\u0000",
    "\ufeff",
    "__proto__: ",
    "constructor: ",
    "0x1F",
    "1e999",
    "-.inf",
  ],
  inputs: 4_000,
  outcomes: ["read quickly", "read in full", "refused: yaml: "],
  async run(input) {
    const text = decoder.decode(input);
    const simple = readSimpleYaml(text);
    if (simple) assertSameAsFull(text, simple);
    try {
      await parseConfig(text, "config.yml");
      await listUnknownKeys(text, "config.yml");
    } catch (error) {
      return refusal(error, ConfigError);
    }
    return simple ? "read quickly" : "read in full";
  },
});
