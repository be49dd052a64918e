import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { create, createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import {
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from '../../src/gen/grpc/reflection/v1/reflection_pb.ts'
import { LogService } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { reflectionRoutes } from '../../src/server/reflection.ts'
import { FakeCall } from './fake-call.ts'
import { errorOf } from './parts.ts'

type Question = MessageInitShape<typeof ServerReflectionRequestSchema>['messageRequest']

const routes = reflectionRoutes([LogService])

function ask(messageRequest: Question, at = 0): ServerReflectionResponse {
  const route = routes[at]
  assert.ok(route)
  const message = create(ServerReflectionRequestSchema, { host: 'h', ...(messageRequest && { messageRequest }) })
  const call = new FakeCall(route.handle).say(toBinary(ServerReflectionRequestSchema, message))
  const answer = call.answers(ServerReflectionResponseSchema)[0]
  assert.ok(answer)
  return answer
}

function filesOf({ messageResponse }: ServerReflectionResponse): string[] {
  assert.equal(messageResponse.case, 'fileDescriptorResponse')
  const file = messageResponse.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes))
  // A client builds its types from exactly these files.
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: file.toReversed() }))
  assert.ok([...registry.files].length > 0)
  return file.map(({ name }) => name)
}

const refusalOf = ({ messageResponse }: ServerReflectionResponse) =>
  messageResponse.case === 'errorResponse' ? messageResponse.value.errorCode : undefined

test('names the services, in both of its versions', () => {
  for (const at of [0, 1]) {
    const { messageResponse, validHost, originalRequest } = ask({ case: 'listServices', value: '' }, at)
    assert.equal(messageResponse.case, 'listServicesResponse')
    assert.deepEqual(
      messageResponse.value.service.map(({ name }) => name),
      ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection', 'reeve.v1.LogService'],
    )
    assert.equal(validHost, 'h')
    assert.equal(originalRequest?.messageRequest.case, 'listServices')
  }
  assert.deepEqual(
    routes.map(({ method }) => method.parent.typeName),
    ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'],
  )
})

test('gives the file of a symbol with all it imports', () => {
  const expected = ['reeve/v1/log_service.proto', 'reeve/v1/catalog.proto', 'reeve/v1/record.proto']
  for (const symbol of [
    'reeve.v1.LogService',
    'reeve.v1.LogService.Produce',
    'reeve.v1.ProduceRequest',
    'reeve.v1.ProduceRequest.topic',
    'reeve.v1.Durability',
    'reeve.v1.DURABILITY_OS',
  ]) {
    assert.deepEqual(filesOf(ask({ case: 'fileContainingSymbol', value: symbol })), expected, symbol)
  }
  assert.deepEqual(filesOf(ask({ case: 'fileContainingSymbol', value: 'reeve.v1.Record' })), ['reeve/v1/record.proto'])
})

test('gives a file by its name', () => {
  assert.deepEqual(filesOf(ask({ case: 'fileByFilename', value: 'reeve/v1/record.proto' })), ['reeve/v1/record.proto'])
})

test('knows no extensions', () => {
  const of = (containingType: string) => ({ containingType, extensionNumber: 100 })
  assert.equal(refusalOf(ask({ case: 'fileContainingExtension', value: of('reeve.v1.Record') })), 5)
  assert.equal(refusalOf(ask({ case: 'allExtensionNumbersOfType', value: 'nothing' })), 5)
  const none = ask({ case: 'allExtensionNumbersOfType', value: 'reeve.v1.Record' }).messageResponse
  assert.equal(none.case === 'allExtensionNumbersResponse' && none.value.extensionNumber.length, 0)
})

test('what is unknown is refused within the stream, which goes on', async () => {
  assert.equal(refusalOf(ask({ case: 'fileContainingSymbol', value: '__proto__' })), 5)
  assert.equal(refusalOf(ask({ case: 'fileByFilename', value: '../../etc/passwd' })), 5)
  assert.equal(refusalOf(ask(undefined)), 3)
  const route = routes[0]
  assert.ok(route)
  const call = new FakeCall(route.handle)
  const unknown = toBinary(ServerReflectionRequestSchema, create(ServerReflectionRequestSchema))
  call.say(unknown, unknown).end()
  assert.equal(call.sent.length, 2)
  assert.equal(await call.done, undefined)
  const malformed = new FakeCall(route.handle).say(Uint8Array.from([0xff]))
  assert.equal((await errorOf(malformed)).code, 'REQUEST_MALFORMED')
})

test('who does not read its answers is not read from', async () => {
  const message = toBinary(
    ServerReflectionRequestSchema,
    create(ServerReflectionRequestSchema, { messageRequest: { case: 'listServices', value: '' } }),
  )
  const call = new FakeCall(routes[0]!.handle, { window: 1 }).say(message, message)
  assert.deepEqual([call.sent.length, call.paused], [1, true])
  call.drain()
  await call.until(2)
})
