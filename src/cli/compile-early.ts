import { setFlagsFromString } from 'node:v8'

/**
 * Loads modules with each of their functions compiled at once, where V8 would only look for its end and come back at
 * its first call. Those first calls all come when nodes join; where most functions are called sooner or later, compiling
 * them early costs no more altogether. What is loaded already stays as it is.
 */
export async function compileEarly<T>(load: () => Promise<T>): Promise<T> {
  setFlagsFromString('--no-lazy')
  try {
    return await load()
  } finally {
    setFlagsFromString('--lazy')
  }
}

/** To be loaded so before anything that imports it. */
export async function loadGossip(): Promise<typeof import('../actors/gossip.ts')> {
  // Of these libraries little is used: as usual.
  await Promise.all([import('re2js'), import('@node-rs/crc32')])
  return compileEarly(() => import('../actors/gossip.ts'))
}
