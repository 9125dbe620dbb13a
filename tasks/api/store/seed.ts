/**
 * The embedded data: JSONPlaceholder's shapes, counts and id relations, filled with small texts
 * that are made here, the same on every run.
 *
 * @module
 */

import { type Item, type ResourceName, resources } from "./schema.ts";

const people = words(`the baker, the gardener, my neighbour, the librarian,
  our teacher, the carpenter, my sister, the postman, a friend, the potter`);
const deeds = words(`repair, paint, carry, borrow, find, sell, clean, measure`);
const done = words(`repaired, painted, carried, borrowed, found, sold, cleaned,
  measured, forgot`);
const looks = words(`wooden, small, blue, heavy, plain, bright, broken, dusty,
  crooked, red, round`);
const nouns = words(`gate, kettle, lantern, ladder, bicycle, boat, clock, kite,
  basket, bench, map, drum, bell, chair, suitcase, piano`);
const things = looks.flatMap((look) => nouns.map((noun) => `${look} ${noun}`));
const places = words(`by the river, behind the mill, near the harbour,
  in the market, under the bridge, on the hill, in the garden, at the school`);
const times = words(`before the rain, after lunch, at sunset, on market day,
  on Monday morning, before breakfast, on the first warm day`);
const firstNames = words(
  `Ada, Bruno, Clara, Daniel, Elena, Felix, Greta, Henry, Irene, Jonas`,
);
const lastNames = words(
  `Miller, Archer, Weaver, Fisher, Carter, Mason, Cooper, Sawyer, Porter, Reed`,
);
const towns = words(`Northfield, Ashbourne, Millbrook, Eastgate, Riverton,
  Oakham, Stonebridge, Westbury, Fairhaven, Redhill`);

/** Where photos live: the address at which `api` listens unless it is told otherwise. What it answers has its own. */
export const photoOrigin = "http://localhost:3000";

const makers: {
  readonly [Name in ResourceName]: (id: number, dice: Dice) => Item<Name>;
} = {
  posts: (id, dice) => ({
    userId: Math.ceil(id / 10),
    id,
    title: makeTitle(dice),
    body: `${makeSentence(dice)}\n${makeSentence(dice)}\n${makeSentence(dice)}`,
  }),
  comments: (id, dice) => ({
    postId: Math.ceil(id / 5),
    id,
    name: makeTitle(dice),
    email: makeEmail(dice.pick(firstNames), dice.pick(lastNames)),
    body: `${makeSentence(dice)}\n${makeSentence(dice)}`,
  }),
  albums: (id, dice) => ({
    userId: Math.ceil(id / 10),
    id,
    title: makeTitle(dice),
  }),
  photos(id, { pick, roll }) {
    const title = `a ${pick(things)} ${pick(places)}`;
    const colour = roll(0x1000000).toString(16).padStart(6, "0");
    return {
      albumId: Math.ceil(id / 50),
      id,
      title,
      url: `${photoOrigin}/600/${colour}`,
      thumbnailUrl: `${photoOrigin}/150/${colour}`,
    };
  },
  users(id, { pick, roll }) {
    const [first, last] = [at(firstNames, id - 1), at(lastNames, id - 1)];
    return {
      id,
      name: `${first} ${last}`,
      username: first.toLowerCase(),
      email: makeEmail(first, last),
      address: {
        street: capitalize(`${pick(nouns)} lane`),
        suite: `Apt. ${100 + roll(900)}`,
        city: at(towns, id - 1),
        zipcode: `${10000 + roll(90000)}`,
        geo: {
          lat: ((roll(1200000) - 600000) / 1e4).toFixed(4),
          lng: ((roll(3600000) - 1800000) / 1e4).toFixed(4),
        },
      },
      phone: `1-555-01${String(id).padStart(2, "0")}`,
      website: `${last.toLowerCase()}.example.com`,
      company: {
        name: `${last} and Company`,
        catchPhrase: `A ${pick(things)} for every ${pick(nouns)}`,
        bs: `${pick(deeds)} the ${pick(things)}`,
      },
    };
  },
  todos(id, { pick }) {
    const userId = Math.ceil(id / 20);
    return {
      userId,
      id,
      title: `${pick(deeds)} the ${pick(things)} ${pick(times)}`,
      // 9 and 20 share no factor: 9 of each user's 20 are done, spread over the list.
      completed: (id * 9 + userId * 7) % 20 < 9,
    };
  },
};

/** Makes all items of a resource, with the ids 1, 2, 3 and on: the same on every call. */
export function makeItems<Name extends ResourceName>(name: Name): Item<Name>[] {
  const make = makers[name];
  return Array.from(
    { length: resources[name].count },
    (_, index) => make(index + 1, createDice(name.length * 7919 + index)),
  );
}

/** What a new database is filled with: the six resources, each made on first use. */
export const seed: {
  readonly [Name in ResourceName]: Maker<Name>;
} = {
  posts: makerOf("posts"),
  comments: makerOf("comments"),
  albums: makerOf("albums"),
  photos: makerOf("photos"),
  users: makerOf("users"),
  todos: makerOf("todos"),
};

interface Maker<Name extends ResourceName> {
  (): readonly Item<Name>[];
  readonly count: number;
}

function makerOf<Name extends ResourceName>(name: Name): Maker<Name> {
  const { count } = resources[name];
  return Object.assign(() => makeItems(name), { count });
}

type Dice = ReturnType<typeof createDice>;

/** Creates dice: the same seed gives the same row of numbers. */
function createDice(seed: number) {
  let state = Math.imul(seed, 0x9e3779b1);
  /** Gives a whole number from 0 to below `sides`. */
  function roll(sides: number): number {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x3c6ef35f | 0;
    return ((state ^ (state >>> 13)) >>> 0) % sides;
  }
  const pick = (list: readonly string[]) => list[roll(list.length)] ?? "";
  return { roll, pick };
}

function makeTitle({ pick, roll }: Dice): string {
  const who = pick(people);
  switch (roll(4)) {
    case 0:
      return `a ${pick(things)} ${pick(places)}`;
    case 1:
      return `how ${who} ${pick(done)} a ${pick(things)}`;
    case 2:
      return `${who} and the ${pick(things)}`;
    default:
      return `what ${who} ${pick(done)} ${pick(times)}`;
  }
}

function makeSentence({ pick, roll }: Dice): string {
  const who = pick(people);
  const thing = pick(things);
  switch (roll(4)) {
    case 0:
      return `${capitalize(who)} ${pick(done)} a ${thing} ${pick(times)}.`;
    case 1:
      return `Nobody asked why ${who} ${pick(done)} the ${thing}.`;
    case 2:
      return `It took ${who} all day to ${pick(deeds)} the ${thing}.`;
    default:
      return `There was a ${thing} ${pick(places)}, and ${who} ${
        pick(done)
      } it.`;
  }
}

function makeEmail(first: string, last: string): string {
  return `${first}.${last}@example.com`.toLowerCase();
}

function at(list: readonly string[], index: number): string {
  return list[index % list.length] ?? "";
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function words(text: string): string[] {
  return text.split(/,\s+/);
}
