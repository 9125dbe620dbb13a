/**
 * What a rewrite rule matches, as express 4 writes it: `/:resource/:id/show`, `/api/*`, `/posts/:id(\\d+)?`.
 *
 * No RegExp of the whole is made: it could take for ever on a long URL. Here each step sees each character at most once.
 *
 * @module
 */

/** What a rule matches, ready to be tried. */
export interface Pattern {
  /** By the names of parameters, and the numbers of those that have none, the places of their values. */
  readonly names: ReadonlyMap<string, number>;
  /** How many values there are, without the whole. */
  readonly count: number;
  /** Where the whole and each value begin and end in a text that fits; nothing where it does not fit. */
  readonly match: (text: string) => readonly (Span | undefined)[] | undefined;
}

/** A part of a text, its end not included. */
export type Span = readonly [start: number, end: number];

/** One step: a character that fits, a place that is kept, or where to go on, what comes first being tried first. */
type Step =
  | { readonly fits: (text: string, at: number) => boolean }
  | { readonly save: number }
  | { readonly to: readonly number[] };

type Steps = readonly Step[];

// As path-to-regexp 1 has it: an escaped character; a prefix, a name or a group, and how often; an asterisk.
const PART =
  /(\\.)|([/.])?(?:(?::(\w+)(?:\(((?:\\.|[^\\()])+)\))?|\(((?:\\.|[^\\()])+)\))([+*?])?|(\*))/g;

const ATOM =
  /(\\[dDwWsS]|\\[^\w\s]|\[\^?(?:\\[dDwWsS]|\\[^\w\s]|[^\\\]])+\]|[^\\[\]^*+?{}|])(?:([*+?])|\{(\d{1,2})(?:(,)(\d{1,2})?)?\})?(\?)?/y;

/**
 * Reads what a rule matches, as path-to-regexp 1 does: without regard to case, with a slash more at the end.
 *
 * @throws {SyntaxError} Where a group in it is not understood.
 */
export function parsePattern(source: string): Pattern {
  const names = new Map<string, number>();
  const parts: Steps[] = [];
  let [count, unnamed, end, text, before] = [0, 0, 0, "", ""];
  const flush = () => {
    if (text !== "") parts.push(literal(text));
    [before, text] = [text, ""];
  };
  for (const part of source.matchAll(PART)) {
    const [whole, escaped, prefix = "", name, capture, group, often, any] =
      part;
    text += source.slice(end, part.index);
    end = part.index + whole.length;
    if (escaped !== undefined) {
      text += escaped.slice(1);
      continue;
    }
    flush();
    const own = capture ?? group;
    const value = own !== undefined
      ? parseGroup(own)
      : any
      ? repeat(character(/^.$/), 0, Infinity)
      : segment(prefix || "/", prefix || before);
    names.set(name ?? `${unnamed++}`, ++count);
    const next = source[end];
    const isPart = prefix !== "" && next !== undefined && next !== prefix;
    parts.push(parameter(value, count, { prefix, often, isPart }));
    before = "";
  }
  text += source.slice(end);
  // a slash at the end is in no need of being there, and welcome
  text = text.replace(/\/$/, "");
  flush();
  parts.push(optional(literal("/")));
  const steps = parts.flat();
  return { names, count, match: (text) => run(steps, text, count) };
}

/** A parameter with what stands before it, as often as its modifier says. */
function parameter(
  value: Steps,
  at: number,
  { prefix, often, isPart }: {
    readonly prefix: string;
    readonly often: string | undefined;
    readonly isPart: boolean;
  },
): Steps {
  const before = literal(prefix);
  const isRepeated = often === "+" || often === "*";
  const values = isRepeated
    ? [...value, ...repeat([...before, ...value], 0, Infinity)]
    : value;
  const saved = [{ save: 2 * at }, ...values, { save: 2 * at + 1 }];
  if (often !== "?" && often !== "*") return [...before, ...saved];
  return isPart
    ? [...before, ...optional(saved)]
    : optional([...before, ...saved]);
}

/** A name's value where nothing is said of it: as short as it can be, without the delimiter and the text before it. */
function segment(delimiter: string, before: string): Steps {
  const isOther = (text: string, at: number) => text[at] !== delimiter;
  if (before === "" || before.includes(delimiter)) {
    return repeat([{ fits: isOther }], 1, Infinity, true);
  }
  const folded = before.toLowerCase();
  const fits = (text: string, at: number) =>
    isOther(text, at) && !text.startsWith(folded, at);
  return either(literal(before), repeat([{ fits }], 1, Infinity, true));
}

/** Reads a group: alternatives of characters, classes and how often each of them. */
function parseGroup(source: string): Steps {
  const alternatives: Steps[] = [];
  let steps: Step[] = [];
  for (let at = 0; at < source.length; at = ATOM.lastIndex) {
    ATOM.lastIndex = at;
    if (source[at] === "|") {
      alternatives.push(steps);
      [steps, ATOM.lastIndex] = [[], at + 1];
      continue;
    }
    const match = ATOM.exec(source);
    if (match === null) {
      throw new SyntaxError(
        `"(${source})" is not understood from "${source.slice(at)}" on`,
      );
    }
    const [, atom = "", sign, from, comma, to, isLazy] = match;
    const least = from !== undefined ? Number(from) : sign === "+" ? 1 : 0;
    const most = from === undefined
      ? sign === "?" ? 1 : Infinity
      : comma === undefined
      ? least
      : Number(to ?? Infinity);
    const form = atom === "$" ? "\\$" : atom;
    const one = character(new RegExp(`^${form}$`, "is"));
    const isOnce = sign === undefined && from === undefined;
    steps.push(
      ...isOnce ? one : repeat(one, least, most, isLazy !== undefined),
    );
  }
  return alternatives.reduceRight((rest, each) => either(each, rest), steps);
}

function character(form: RegExp): Steps {
  return [{ fits: (text, at) => form.test(text.charAt(at)) }];
}

function literal(text: string): Steps {
  return Array.from(
    text.toLowerCase(),
    (letter) => ({ fits: (text, at) => text[at] === letter }),
  );
}

function either(one: Steps, other: Steps): Steps {
  return [
    { to: [1, one.length + 2] },
    ...one,
    { to: [other.length + 1] },
    ...other,
  ];
}

function optional(steps: Steps, isLazy = false): Steps {
  const to = [1, steps.length + 1];
  return [{ to: isLazy ? to.reverse() : to }, ...steps];
}

function repeat(
  steps: Steps,
  least: number,
  most: number,
  isLazy = false,
): Steps {
  const needed = Array.from({ length: least }, () => steps).flat();
  if (most < Infinity) {
    let rest: Steps = [];
    for (let more = most - least; more > 0; more--) {
      rest = optional([...steps, ...rest], isLazy);
    }
    return [...needed, ...rest];
  }
  const loop = optional([...steps, { to: [-steps.length - 1] }], isLazy);
  return [...needed, ...loop];
}

interface Saved {
  readonly slot: number;
  readonly at: number;
  readonly rest: Saved | undefined;
}

/** Tries the ways through the steps in their order, none from the same step and character twice. */
function run(
  steps: Steps,
  typed: string,
  count: number,
): (Span | undefined)[] | undefined {
  // A letter of another length in lower case would move all places; URLs have none.
  const text = typed.toLowerCase();
  const seen = new Uint8Array((steps.length + 1) * (text.length + 1));
  const ways: { step: number; at: number; saved: Saved | undefined }[] = [
    { step: 0, at: 0, saved: undefined },
  ];
  for (let way = ways.pop(); way !== undefined; way = ways.pop()) {
    let { step, at, saved } = way;
    for (;;) {
      const key = step * (text.length + 1) + at;
      if (seen[key] === 1) break;
      seen[key] = 1;
      const next = steps[step];
      if (next === undefined) {
        if (at === text.length) return spansOf(saved, at, count);
        break;
      }
      if ("save" in next) {
        saved = { slot: next.save, at, rest: saved };
        step++;
      } else if ("to" in next) {
        const [first = 1, second] = next.to;
        if (second !== undefined) ways.push({ step: step + second, at, saved });
        step += first;
      } else if (at < text.length && next.fits(text, at)) {
        step++;
        at++;
      } else break;
    }
  }
}

function spansOf(
  saved: Saved | undefined,
  end: number,
  count: number,
): (Span | undefined)[] {
  const places = new Map([[0, 0], [1, end]]);
  for (let each = saved; each !== undefined; each = each.rest) {
    if (!places.has(each.slot)) places.set(each.slot, each.at);
  }
  return Array.from({ length: count + 1 }, (_, at): Span | undefined => {
    const [start, end] = [places.get(2 * at), places.get(2 * at + 1)];
    return start === undefined || end === undefined ? undefined : [start, end];
  });
}
