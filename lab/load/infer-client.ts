import { Agent, request } from 'node:http';

/** One answered request, as the client saw it. */
export type InferAnswer = {
  status: number;
  /** Logits `[batch, classes]`, row by row; absent where the server refused. */
  output?: Float32Array;
  /** The level that computed it: the answer's `model_version`. */
  level?: number;
  error?: string;
};

type Header = {
  error?: string;
  model_version?: string;
  outputs?: { name: string; data?: number[]; parameters?: { binary_data_size?: number } }[];
};

/** How tensors travel: as JSON numbers, or as bytes behind the JSON. */
export type TensorEncoding = 'json' | 'binary';

/**
 * A client of the Open Inference Protocol v2, with its binary tensor extension where that is wanted.
 * Source: https://github.com/kserve/open-inference-protocol, and Triton's extension_binary_data.md.
 */
export class InferClient {
  readonly #path: string;
  readonly #url: URL;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #input: { name: string; shape: number[] };
  readonly #encoding: TensorEncoding;

  /**
   * @param options.input the model's input name and one input's shape, without the batch.
   * @param options.encoding default `binary`.
   */
  constructor(options: {
    url: string;
    model: string;
    input: { name: string; shape: number[] };
    encoding?: TensorEncoding;
  }) {
    this.#url = new URL(options.url);
    this.#path = `/v2/models/${encodeURIComponent(options.model)}`;
    this.#input = options.input;
    this.#encoding = options.encoding ?? 'binary';
  }

  /**
   * @param options.level computes it, instead of the one that the server chooses.
   * @throws Error where the server cannot be reached or breaks off; a refusal is an answer with its status.
   */
  infer(images: Float32Array, batch: number, options: { level?: number } = {}): Promise<InferAnswer> {
    const { header, bytes } = this.#render(images, batch);
    return new Promise((resolve, reject) => {
      const message = request(
        {
          host: this.#url.hostname,
          port: this.#url.port,
          path: `${this.#path}${options.level === undefined ? '' : `/versions/${options.level}`}/infer`,
          method: 'POST',
          agent: this.#agent,
          headers: {
            'Content-Length': header.length + (bytes?.length ?? 0),
            ...(bytes === undefined
              ? { 'Content-Type': 'application/json' }
              : {
                  'Content-Type': 'application/octet-stream',
                  'Inference-Header-Content-Length': header.length,
                }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            try {
              const size = Number(response.headers['inference-header-content-length'] ?? Number.NaN);
              resolve(parseAnswer(response.statusCode ?? 0, Buffer.concat(chunks), size));
            } catch (error) {
              reject(error as Error);
            }
          });
        },
      );
      message.on('error', reject);
      message.write(header);
      message.end(bytes);
    });
  }

  /** The request's JSON, and the bytes behind it where the encoding is binary. */
  #render(images: Float32Array, batch: number): { header: Buffer; bytes: Buffer | undefined } {
    const { name, shape } = this.#input;
    const tensor = { name, shape: [batch, ...shape], datatype: 'FP32' };
    const json = (request: object) => Buffer.from(JSON.stringify(request));
    if (this.#encoding === 'json')
      return { header: json({ inputs: [{ ...tensor, data: Array.from(images) }] }), bytes: undefined };
    const bytes = Buffer.from(images.buffer, images.byteOffset, images.byteLength);
    const header = json({
      inputs: [{ ...tensor, parameters: { binary_data_size: bytes.length } }],
      parameters: { binary_data_output: true },
    });
    return { header, bytes };
  }

  close(): void {
    this.#agent.destroy();
  }
}

function parseAnswer(status: number, body: Buffer, headerSize: number): InferAnswer {
  const json = Number.isNaN(headerSize) ? body : body.subarray(0, headerSize);
  const header = JSON.parse(json.toString('utf8')) as Header;
  if (status !== 200) return { status, error: header.error ?? `HTTP status ${status}` };
  const level = Number(header.model_version);
  const [{ data, parameters } = {}] = header.outputs ?? [];
  if (data !== undefined) return { status, output: Float32Array.from(data), level };
  const size = parameters?.binary_data_size;
  if (size === undefined || size !== body.length - json.length)
    throw new Error(
      `Cannot read the answer as its binary output must hold ${size} bytes: current value is ${body.length - json.length}`,
    );
  const output = new Float32Array(new Uint8Array(body.subarray(json.length)).buffer);
  return { status, output, level };
}
