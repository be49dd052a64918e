/**
 * For the `skip` option of a test that needs something real: `reason`, why it cannot run here. Where all components must
 * be there (REQUIRE_COMPONENTS=1) it throws instead.
 */
export function missing(reason: string): string {
  if (process.env.REQUIRE_COMPONENTS === '1') throw new Error(reason)
  return reason
}
