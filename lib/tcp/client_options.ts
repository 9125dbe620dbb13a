import { parseSeconds } from "../cli/number.ts";
import type { Options, OptionTable } from "../cli/options.ts";

/** The options of `client`. */
export const CLIENT_OPTIONS = {
  pipe: { help: "Join stdin and stdout to the server, as nc does" },
  send: { value: "TEXT", parse: String, help: "Send this first" },
  crlf: { help: "End the lines that are sent with CRLF" },
  timeout: {
    short: "t",
    value: "SECONDS",
    parse: parseSeconds,
    default: 10,
    help: "For resolving, connecting and TLS",
  },
  idleTimeout: {
    value: "SECONDS",
    parse: parseSeconds,
    help: "Give up when nothing comes or goes",
  },
  wait: {
    value: "SECONDS",
    parse: parseSeconds,
    help: "Keep trying until it accepts",
  },
  check: {
    value: "PORTS",
    parse: String,
    implied: { text: "", accepts: /^\d[\d,-]*$/ },
    help: "Are they open? As 80 or 20-25,443",
  },
  tls: { help: "Speak TLS; the server is always verified" },
  ca: { value: "FILE", parse: String, help: "Trust this authority too" },
  pin: {
    value: "SHA256",
    parse: String,
    help: "Trust this one certificate",
  },
  sni: { value: "NAME", parse: String, help: "The name in the certificate" },
  cert: { value: "FILE", parse: String, help: "Own certificate and key" },
  key: { value: "FILE", parse: String },
  proxy: {
    value: "URL",
    parse: String,
    help: "Go through socks5:// or http://HOST:PORT",
  },
  dump: { help: "Show all bytes in hex on stderr" },
  json: { help: "Print one JSON object per event" },
} satisfies OptionTable;

/** The options of `client` as they were given. */
export type ClientOptions = Options<typeof CLIENT_OPTIONS>;
