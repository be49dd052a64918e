/** What a parser of bytes or text from outside gives: it never throws on them, it says what was wrong. */
export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string }
