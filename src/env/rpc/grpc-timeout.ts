/** Milliseconds in a unit of `grpc-timeout`. */
const unitMs = new Map([
  ['H', 3_600_000],
  ['M', 60_000],
  ['S', 1000],
  ['m', 1],
  ['u', 1e-3],
  ['n', 1e-6],
])

/** `grpc-timeout`, one to eight digits and a unit, as milliseconds; undefined where malformed. */
export function parseGrpcTimeout(text: string): number | undefined {
  if (!/^[0-9]{1,8}[HMSmun]$/.test(text)) return undefined
  return Number(text.slice(0, -1)) * unitMs.get(text.slice(-1))!
}
