/**
 * What a shell completes of a command: its options, their values, and the words that its operands begin with.
 *
 * @module
 */

import {
  type Described,
  formatOptionName,
  type OptionTable,
} from "./options.ts";
import { quote } from "./values.ts";

/** The options as they are typed; a value is one of the words, any file (`*`), or anything (a blank). */
const typed = (table: OptionTable) =>
  Object.entries(table).map(([key, { short, help = "", value }]) => {
    const long = formatOptionName(key).slice(2);
    const words = value?.includes("|") ? value.replaceAll("|", " ") : " ";
    // a path into JSON leads to no file
    const isFile = key !== "pick" && /FILE|PATH|DIR/.test(value ?? "");
    return { long, short, help, value: value && (isFile ? "*" : words) };
  });

type Format = (n: string, all: ReturnType<typeof typed>, w: string) => string;

const COMMANDS = "server client get post posts api";

const bash: Format = (name, all, words) => {
  const values = all.map(({ long, short, value }) => {
    const reply = value === "*" ? "-f" : `-W '${value}'`;
    const typed = `--${long}:*${short ? `|-${short}:*` : ""}`;
    return value && `    ${typed}) _hark_reply ${reply} ;;\n`;
  }).join("");
  const options = all.map(({ long }) => `--${long}`).join(" ");
  // bash takes the = of --follow=safe for a word; what nothing is known for, such as "a quoted file, is completed by default
  return `_hark_reply() { local IFS=$'\\n'; COMPREPLY=($(IFS=' ' compgen "$@" -- "\${COMP_WORDS[COMP_CWORD]#=}")); }
_hark_${name}() { local at=$((COMP_CWORD - 1)); [[ \${COMP_WORDS[at]} == = ]] && ((at--))
  case \${COMP_WORDS[at]}:\${COMP_WORDS[COMP_CWORD]} in
${values}    *:-*) _hark_reply -W '${options}' ;;
    *) _hark_reply -f -W '${words}' ;;
  esac
}
_hark() { if ((COMP_CWORD > 1)); then declare -F "_hark_\${COMP_WORDS[1]}" >/dev/null && "$_"; else COMPREPLY=($(compgen -W '${COMMANDS}' -- "$2")); fi; }
complete -o filenames -o default -F _hark_${name} ${name}; complete -o filenames -o default -F _hark hark
`;
};

const zsh: Format = (name, all, words) => {
  const specs = all.flatMap(({ long, short, help, value }) => {
    const text = `[${help.replace(/[\\[\]:]/g, "\\$&")}]` +
      (value ? `:value:${value === "*" ? "_files" : `(${value})`}` : "");
    return [`--${long}${value ? "=" : ""}`, ...short ? [`-${short}`] : []]
      .map((each) => quote(`*${each}${text}`));
  }).join(" ");
  return `#compdef ${name}
_hark_${name}() { _arguments ${specs} '*:operand:{ compadd -- ${words}; _files }' }
_hark() { if (( CURRENT > 2 )); then shift words; (( CURRENT-- )); (( $+functions[_hark_$words[1]] )) && _hark_$words[1]; else compadd ${COMMANDS}; fi }
compdef _hark_${name} ${name}; compdef _hark hark
[[ $funcstack[1] == _${name} ]] && _hark_${name} || true
`;
};

const fish: Format = (name, all, words) => {
  const lines = all.map(({ long, short, help, value }) =>
    `-l ${long} ${short ? `-s ${short}` : ""} -d ${quote(help)} ` +
    (value === "*" ? "-r -F" : value ? `-x -a '${value}'` : "")
  );
  return [...lines, ...words ? [`-a '${words}'`] : []].map((line) =>
    `complete -c ${name} ${line}\ncomplete -c hark -n '__fish_seen_subcommand_from ${name}' ${line}\n`
  ).join("") +
    `complete -c hark -n __fish_use_subcommand -x -a '${COMMANDS}'\n`;
};

/** A script for a shell to read: it completes the command by its own name, and after `hark`. */
export function formatCompletions(
  shell: "bash" | "zsh" | "fish",
  command: Described,
): string {
  const words = Object.values(command.operands ?? {}).flat()
    .flatMap(([label]) => label.match(/^[a-z]+(?= |$)/) ?? []).join(" ");
  const all = typed(command.options);
  return { bash, zsh, fish }[shell](command.name, all, words);
}
