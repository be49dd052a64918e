/**
 * grpc.reflection.v1 (https://grpc.io/docs/guides/reflection/) and its twin v1alpha, which older tools ask for first:
 * the contracts of the services served here, so that `grpcurl` and others need no proto files. They are public; nothing
 * about the cluster is told.
 */

import type { DescEnum, DescFile, DescMessage, DescService, MessageInitShape } from '@bufbuild/protobuf'
import { toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import type { RpcRoute } from '../env/env.ts'
import { GrpcCode } from '../errors.ts'
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema,
} from '../gen/grpc/reflection/v1/reflection_pb.ts'
import { ServerReflection as ServerReflectionAlpha } from '../gen/grpc/reflection/v1alpha/reflection_pb.ts'
import { bidiStream } from './typed.ts'

type Answer = MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']
type Question = ServerReflectionRequest['messageRequest']

/** `services`: those to speak of; reflection itself is added. */
export function reflectionRoutes(services: readonly DescService[]): RpcRoute[] {
  const contracts = new Contracts([...new Set([...services, ServerReflection, ServerReflectionAlpha])])
  const route = bidiStream(ServerReflection.method.serverReflectionInfo, (stream) => ({
    message(request) {
      const messageResponse = contracts.answer(request.messageRequest)
      stream.send({ validHost: request.host, originalRequest: request, messageResponse })
    },
    ended: () => stream.finish(),
  }))
  // The messages of both are the same bytes.
  return [route, { ...route, method: ServerReflectionAlpha.method.serverReflectionInfo }]
}

class Contracts {
  readonly #services: readonly string[]
  readonly #byName = new Map<string, DescFile>()
  readonly #bySymbol = new Map<string, DescFile>()
  readonly #messages = new Set<string>()

  constructor(services: readonly DescService[]) {
    this.#services = services.map(({ typeName }) => typeName).sort()
    for (const { file } of services) this.#addFile(file)
  }

  answer(question: Question): NonNullable<Answer> {
    switch (question.case) {
      case 'listServices':
        return { case: 'listServicesResponse', value: { service: this.#services.map((name) => ({ name })) } }
      case 'fileByFilename':
        return this.#file(this.#byName.get(question.value), 'file')
      case 'fileContainingSymbol':
        return this.#file(this.#bySymbol.get(question.value), 'symbol')
      case 'fileContainingExtension':
        return refuse(GrpcCode.NOT_FOUND, 'there are no extensions here')
      case 'allExtensionNumbersOfType':
        if (!this.#messages.has(question.value)) return refuse(GrpcCode.NOT_FOUND, 'there is no such message here')
        return { case: 'allExtensionNumbersResponse', value: { baseTypeName: question.value, extensionNumber: [] } }
      default:
        return refuse(GrpcCode.INVALID_ARGUMENT, 'the request asks for nothing')
    }
  }

  /** The file and all it imports, what is imported first last: clients resolve them by name. */
  #file(file: DescFile | undefined, what: string): NonNullable<Answer> {
    if (!file) return refuse(GrpcCode.NOT_FOUND, `there is no such ${what} here`)
    const files = new Set<DescFile>([file])
    for (const each of files) for (const dependency of each.dependencies) files.add(dependency)
    const fileDescriptorProto = [...files].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto))
    return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } }
  }

  #addFile(file: DescFile): void {
    if (this.#byName.has(file.proto.name)) return
    this.#byName.set(file.proto.name, file)
    for (const dependency of file.dependencies) this.#addFile(dependency)
    for (const message of file.messages) this.#addMessage(message)
    for (const each of file.enums) this.#addEnum(each)
    for (const service of file.services) {
      this.#bySymbol.set(service.typeName, file)
      for (const { name } of service.methods) this.#bySymbol.set(`${service.typeName}.${name}`, file)
    }
  }

  #addMessage(message: DescMessage): void {
    this.#messages.add(message.typeName)
    this.#bySymbol.set(message.typeName, message.file)
    for (const { name } of message.fields) this.#bySymbol.set(`${message.typeName}.${name}`, message.file)
    for (const nested of message.nestedMessages) this.#addMessage(nested)
    for (const nested of message.nestedEnums) this.#addEnum(nested)
  }

  #addEnum(each: DescEnum): void {
    this.#bySymbol.set(each.typeName, each.file)
    // Values are siblings of their enum, as in C++: https://protobuf.dev/programming-guides/proto3/#enum
    const scope = each.typeName.slice(0, each.typeName.lastIndexOf('.') + 1)
    for (const { name } of each.values) this.#bySymbol.set(scope + name, each.file)
  }
}

function refuse(errorCode: GrpcCode, errorMessage: string): NonNullable<Answer> {
  return { case: 'errorResponse', value: { errorCode, errorMessage } }
}
