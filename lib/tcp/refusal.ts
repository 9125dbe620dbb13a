import { Failure } from "../cli/errors.ts";
import { ExitCode } from "../cli/exit_code.ts";
import { type Address, formatAddress, isLoopback } from "./address.ts";

/** The loopbacks that `localhost` stands for, as addresses and as permissions name them. */
const LOOPBACKS = [["127.0.0.1", "127.0.0.1"], ["::1", "[::1]"]] as const;

/** Which of both loopbacks refuse; one that may not be asked is left out. */
async function refusingLoopbacks(port: number): Promise<string[]> {
  const asked = LOOPBACKS.map(async ([hostname, host]) => {
    const permission = { name: "net", host: `${host}:${port}` } as const;
    if ((await Deno.permissions.query(permission)).state !== "granted") {
      return [];
    }
    try {
      (await Deno.connect({ hostname, port })).close();
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return [hostname];
    }
    return [];
  });
  return (await Promise.all(asked)).flat();
}

/**
 * Says why an address could not be connected to: who refused, and what would listen there.
 *
 * @param address Where to.
 * @param cause What the attempt threw.
 *
 * @example Nothing listens on a loopback
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const failure = await refusalOf({ host: "127.0.0.1", port: 7000 }, new Deno.errors.ConnectionRefused());
 * assertEquals(failure.message, "Cannot connect to 127.0.0.1:7000");
 * assertEquals(failure.hint, "nothing listens there; start it with: deno task server --port 7000");
 * ```
 */
export async function refusalOf(
  address: Address,
  cause: unknown,
): Promise<Failure> {
  const message = `Cannot connect to ${formatAddress(address)}`;
  if ("path" in address) {
    if (
      !(cause instanceof Deno.errors.ConnectionRefused ||
        cause instanceof Deno.errors.NotFound)
    ) return new Failure(message, { cause });
    return new Failure(message, {
      cause,
      code: ExitCode.Unreachable,
      hint:
        `nothing listens there; start it with: deno task server --unix ${address.path}`,
    });
  }
  const { host, port } = address;
  if (
    !(cause instanceof Deno.errors.ConnectionRefused && isLoopback(host))
  ) return new Failure(message, { cause });
  const refusing = host === "localhost" ? await refusingLoopbacks(port) : [];
  return new Failure(message, {
    cause: refusing.length === 0
      ? cause
      : new Failure(`connection refused by ${refusing.join(" and ")}`),
    code: ExitCode.Unreachable,
    hint:
      `nothing listens there; start it with: deno task server --port ${port}`,
  });
}
