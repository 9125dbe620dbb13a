/**
 * Types of the parts of Deno's standard library that hark uses: the npm build of std ships none.
 * The signatures are std's own (release 2026.07.30), narrowed to what is called here.
 * `deno.jsr.json` checks the same code against std's real types.
 */

declare module "@std/bytes/concat" {
  export function concat(
    buffers: readonly Uint8Array[],
  ): Uint8Array<ArrayBuffer>;
}

declare module "@std/cli/prompt-secret" {
  export function promptSecret(
    message: string,
    options: { readonly mask: string },
  ): string | null;
}

declare module "@std/encoding/base64" {
  export function encodeBase64(data: ArrayBuffer | Uint8Array | string): string;
  export function decodeBase64(b64: string): Uint8Array<ArrayBuffer>;
}

declare module "@std/encoding/base64url" {
  export function decodeBase64Url(b64url: string): Uint8Array<ArrayBuffer>;
}

declare module "@std/encoding/hex" {
  export function encodeHex(src: string | Uint8Array | ArrayBuffer): string;
}

declare module "@std/http/status" {
  export const STATUS_TEXT: Readonly<Record<number, string>>;
}

declare module "@std/media-types/type-by-extension" {
  export function typeByExtension(extension: string): string | undefined;
}

declare module "@std/text/levenshtein-distance" {
  export function levenshteinDistance(str1: string, str2: string): number;
}
