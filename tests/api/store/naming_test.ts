import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../lib/cli/errors.ts";
import {
  foreignKeyOf,
  parentOf,
  parseFieldName,
  rename,
} from "../../../tasks/api/store/naming.ts";

// As the npm package "pluralize" 8 has them, which json-server 0.17 asks.
const singulars = `
posts post; comments comment; users user; post post; categories category; stories story; boxes box; classes class
churches church; dishes dish; people person; persons person; children child; men man; women woman; mailmen mailman
mice mouse; lice louse; titmice titmouse; geese goose; feet foot; teeth tooth; oxen ox; dice die; wolves wolf
knives knife; leaves leaf; lives life; wives wife; halves half; shelves shelf; thieves thief; elves elf; scarves scarf
curves curve; archives archive; valves valve; eaves eave; heroes hero; potatoes potato; tomatoes tomato; echoes echo
photos photo; movies movie; cookies cooky; pies pie; ties tie; lies lie; zombies zombie; genies genie; monies money
statuses status; status status; addresses address; address address; buses bus; bonuses bonus; viruses virus
aliases alias; gases gas; quizzes quiz; analyses analysis; crises crisis; bases base; theses thesis; axes axe
indices index; vertices vertex; matrices matrix; appendices appendix; criteria criterion; phenomena phenomenon
data datum; media media; curricula curriculum; stimuli stimulus; radii radius; alumni alumnus; alumnae alumna
schemata schema; schemas schema; bureaux bureau; menus menu; news news; series series; species species; sheep sheep
deer deer; fish fish; jeans jeans; chinese chinese; analytics analytics; diabetes diabetes; tests test; yeses yes
genera genus; cherubim cherub; People Person; Categories Category; CATEGORIES CATEGORY; POSTS POST; Oxen Ox
userData userDatum; salesPeople salesPerson; sales_people sales_person; user-stories user-story; HTTPStatuses HTTPStatus
`;

Deno.test("a foreign key begins with the singular of a resource's name, as json-server has it", () => {
  for (const line of singulars.trim().split(/; |\n/)) {
    const [plural = "", singular = ""] = line.split(" ");
    assertEquals(foreignKeyOf(plural), `${singular}Id`);
    assertEquals(foreignKeyOf(singular), `${singular}Id`, singular);
  }
});

Deno.test("of a name with more than one word the last one is made a singular", () => {
  const table = {
    bigFeet: "bigFoot",
    userNews: "userNews",
    tvSeries: "tvSeries",
    "computer_mice": "computer_mouse",
    userIDs: "userID",
    posts2: "posts2",
    kind998s: "kind998",
    a1s: "a1",
    v2Items: "v2Item",
    "2024people": "2024person",
    "2024_people": "2024_person",
    "3s": "3",
    "książki": "książki",
    "食べ物": "食べ物",
    "": "",
    s: "s",
  };
  for (const [plural, singular] of Object.entries(table)) {
    assertEquals(foreignKeyOf(plural), `${singular}Id`, plural);
    const naming = { id: "_id", suffix: "_id" };
    assertEquals(foreignKeyOf(plural, naming), `${singular}_id`, plural);
  }
});

Deno.test("algorithmic complexity: a name of any length costs no more than a short one", () => {
  const started = performance.now();
  for (const end of ["1", "s", "ies", "_"]) {
    const name = "a".repeat(1_000_000) + end;
    const length = foreignKeyOf(name).length;
    assertEquals(length <= name.length + 2, true);
  }
  assertEquals(performance.now() - started < 1000, true);
});

Deno.test("a field refers to the plural, where there is a singular too", () => {
  const names = ["post", "posts", "person", "people", "news", "note"];
  const table = {
    postId: "posts",
    personId: "people",
    newsId: "news",
    noteId: "note",
    userId: undefined,
    posts: undefined,
  };
  for (const [field, parent] of Object.entries(table)) {
    assertEquals(parentOf(field, names), parent, field);
  }
});

Deno.test("names of fields are taken where JSON writes them as they are", () => {
  for (const text of ["_id", "Id", "a b", "$.'", "é"]) {
    assertEquals(parseFieldName(text), text);
  }
  for (const text of ["", '"', "\\", "a\0", "\n", "\ud800"]) {
    assertThrows(() => parseFieldName(text), UsageError, "Cannot use ");
  }
});

Deno.test("our own fields are renamed as the user's are", () => {
  const naming = { id: "_id", suffix: "$&_id" };
  const fields = { userId: 1, id: 2, idle: 3, Idle: 4 };
  assertEquals(rename(fields, naming), {
    "user$&_id": 1,
    _id: 2,
    idle: 3,
    Idle: 4,
  });
});
