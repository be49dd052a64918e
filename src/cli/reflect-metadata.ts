/**
 * The three functions of the Reflect metadata proposal that the certificate library's injection container looks for.
 * Import this before it. https://rbuckton.github.io/reflect-metadata/
 */

type Metadata = Map<unknown, unknown>

const everything = new WeakMap<object, Metadata>()

function getOwnMetadata(key: unknown, target: object): unknown {
  return everything.get(target)?.get(key)
}

function getMetadata(key: unknown, target: object): unknown {
  for (let object: object | null = target; object; object = Object.getPrototypeOf(object)) {
    const found = getOwnMetadata(key, object)
    if (found !== undefined) return found
  }
  return undefined
}

function defineMetadata(key: unknown, value: unknown, target: object): void {
  const own = everything.get(target) ?? new Map()
  everything.set(target, own.set(key, value))
}

if (!('getMetadata' in Reflect)) Object.assign(Reflect, { getMetadata, getOwnMetadata, defineMetadata })
