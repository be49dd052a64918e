/**
 * As much of `reflect-metadata` as the dependency container inside @peculiar/x509 asks for; import before that library.
 */
const metadata = new WeakMap<object, Map<unknown, unknown>>()

const get = (key: unknown, target: object) => metadata.get(target)?.get(key)

Object.assign(Reflect, {
  getMetadata: get,
  getOwnMetadata: get,
  hasOwnMetadata: (key: unknown, target: object) => metadata.get(target)?.has(key) ?? false,
  defineMetadata: (key: unknown, value: unknown, target: object) => {
    const entries = metadata.get(target) ?? new Map()
    metadata.set(target, entries.set(key, value))
  },
})
