/** A stand-in for a model where neither a local one nor the Hub can be had: real formats, weights without a meaning. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SPECIAL_TOKENS = ['<s>', '</s>'];
const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 172,
  num_hidden_layers: 5,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 8,
  hidden_act: 'silu',
  vocab_size: 256 + SPECIAL_TOKENS.length,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
  bos_token_id: 256,
  eos_token_id: 257,
  torch_dtype: 'float32',
};

/** Writes config, tokenizer and weights of a tiny Llama; the same bytes every time. */
export function generateModel(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const json = (name: string, value: unknown) => {
    writeFileSync(join(folder, name), `${JSON.stringify(value, undefined, 2)}\n`);
  };
  json('config.json', config);
  json('tokenizer.json', byteTokenizer());
  json('tokenizer_config.json', {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: '<s>',
    eos_token: '</s>',
  });
  writeFileSync(join(folder, 'model.safetensors'), safetensors(tensorShapes()));
}

function tensorShapes(): Map<string, readonly number[]> {
  const { hidden_size: width, intermediate_size: inner, head_dim: head } = config;
  const shapes = new Map<string, readonly number[]>([
    ['model.embed_tokens.weight', [config.vocab_size, width]],
  ]);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const add = (name: string, ...shape: number[]) =>
      shapes.set(`model.layers.${layer}.${name}.weight`, shape);
    add('input_layernorm', width);
    add('self_attn.q_proj', config.num_attention_heads * head, width);
    add('self_attn.k_proj', config.num_key_value_heads * head, width);
    add('self_attn.v_proj', config.num_key_value_heads * head, width);
    add('self_attn.o_proj', width, config.num_attention_heads * head);
    add('post_attention_layernorm', width);
    add('mlp.gate_proj', inner, width);
    add('mlp.up_proj', inner, width);
    add('mlp.down_proj', width, inner);
  }
  shapes.set('model.norm.weight', [width]);
  return shapes;
}

/** The safetensors format: u64 length of a JSON header, the header padded with spaces to 8 bytes, then the tensors. */
function safetensors(shapes: ReadonlyMap<string, readonly number[]>): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offsetBytes = 0;
  for (const [name, shape] of shapes) {
    const endBytes = offsetBytes + 4 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [offsetBytes, endBytes] };
    offsetBytes = endBytes;
  }
  const text = JSON.stringify(header);
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, randomFloats(offsetBytes / 4)]);
}

/** Float32 between -0.05 and 0.05, out of SHA-256 over a counter. */
function randomFloats(count: number): Buffer {
  const weights = Buffer.alloc(count * 4);
  for (let index = 0; index < count; index += 8) {
    const random = createHash('sha256').update(`vitrine demo weights ${index}`).digest();
    for (let word = 0; word < Math.min(8, count - index); word++) {
      weights.writeFloatLE((random.readInt32LE(word * 4) / 2 ** 31) * 0.05, (index + word) * 4);
    }
  }
  return weights;
}

/** A tokenizer.json that gives one token a byte: byte-level BPE without merges. */
function byteTokenizer(): unknown {
  const vocab: Record<string, number> = {};
  for (let byte = 0, moved = 0; byte < 256; byte++) {
    // Byte-level BPE writes bytes that do not print as the characters from U+0100 on.
    const prints = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    vocab[String.fromCharCode(prints ? byte : 0x100 + moved++)] = byte;
  }
  const added_tokens = SPECIAL_TOKENS.map((content, index) => {
    vocab[content] = 256 + index;
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
    return { id: 256 + index, content, ...flags };
  });
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens,
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges: [],
    },
  };
}
