/**
 * A terminal session as a picture: commands run on a real terminal, what they printed drawn as SVG.
 *
 * @module
 */

/** A command line, and what it printed on a terminal: text with colours. */
export interface Exchange {
  /** What was typed. */
  readonly command: string;
  /** What it printed. */
  readonly output: string;
}

const COLUMNS = 96;
const [WIDTH, LINE, MARGIN] = [8.43, 19, 18];

// deno-lint-ignore no-control-regex -- what moves the cursor and clears lines, in ECMA-48
const MOVES = /\x1b\[[\d;?]*[A-HJKSThl]/g;

/** The colours of ECMA-48's SGR that hark uses, on a dark ground. */
const COLOURS: Readonly<Record<string, string>> = {
  "1": "#ffffff",
  "2": "#8b949e",
  "31": "#ff7b72",
  "32": "#7ee787",
  "33": "#e3b341",
  "34": "#79c0ff",
  "35": "#d2a8ff",
  "36": "#56d4dd",
};

/** Runs a command line of the shell on a terminal of its own, by `script` of util-linux. */
export async function runOnTerminal(command: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("script", {
    args: [
      "-qec",
      `stty -echo columns ${COLUMNS} rows 50; ${command}`,
      "/dev/null",
    ],
    // colours also where they are turned off for who makes the picture
    env: { TERM: "xterm-256color", NO_COLOR: "" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stdout).replaceAll("\r\n", "\n");
  if (code === 127) {
    throw new Error(
      `Cannot run ${command}: ${new TextDecoder().decode(stderr)}`,
    );
  }
  return text.replace(MOVES, "");
}

/** Breaks a line where the terminal does; one with colours is taken to be short. */
function wrap(line: string): string[] {
  if (line.includes("\x1b")) return [line];
  return line.match(new RegExp(`.{1,${COLUMNS}}`, "g")) ?? [""];
}

const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** A line with colours as spans of SVG. */
function toSpans(line: string): string {
  let colour = "";
  // deno-lint-ignore no-control-regex -- the escape sequences of a terminal
  return line.split(/\x1b\[([\d;]*)m/).map((part, at) => {
    if (at % 2 === 1) {
      colour = COLOURS[part] ?? "";
      return "";
    }
    if (part === "") return "";
    return colour === ""
      ? escape(part)
      : `<tspan fill="${colour}">${escape(part)}</tspan>`;
  }).join("");
}

/** Draws a session. */
export function draw(title: string, session: readonly Exchange[]): string {
  const lines = session.flatMap(({ command, output }) => [
    `\x1b[32m$\x1b[0m \x1b[1m${command}\x1b[0m`,
    ...output.trimEnd().split("\n").flatMap(wrap),
    "",
  ]).slice(0, -1);
  const height = lines.length * LINE + 2 * MARGIN + 24;
  const width = Math.ceil(COLUMNS * WIDTH + 2 * MARGIN);
  const text = lines.map((line, at) =>
    `<text xml:space="preserve" x="${MARGIN}" y="${at * LINE + MARGIN + 38}">${
      toSpans(line)
    }</text>`
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escape(title)}</title>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g fill="#ff5f57"><circle cx="20" cy="18" r="5.5"/></g>
<g fill="#febc2e"><circle cx="38" cy="18" r="5.5"/></g>
<g fill="#28c840"><circle cx="56" cy="18" r="5.5"/></g>
<g fill="#c9d1d9" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14" style="white-space:pre">
${text.join("\n")}
</g>
</svg>
`;
}
