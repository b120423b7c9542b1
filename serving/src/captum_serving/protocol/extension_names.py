"""The gradient extension's names on the wire, which both sides use; docs/gradient-extension.md says what each means."""

# Extensions that a predictor lists.
BINARY_TENSOR_DATA = "binary_tensor_data"
VECTOR_JACOBIAN_PRODUCT = "vector_jacobian_product"
GRADIENT_OF_PREDICTED = "gradient_of_predicted"
VALUES_OF_STAGES = "values_of_stages"
PATH_INTEGRAL = "path_integral"

# A request's inputs besides the source.
COTANGENT = "cotangent"
PATH_START = "path_start"
PATH_NODES = "path_nodes"
PATH_WEIGHTS = "path_weights"
PATH_INPUTS = (PATH_START, PATH_NODES, PATH_WEIGHTS)

# A request's parameters.
SINK = "sink"
EXPLANATION = "explanation"
PREDICTED_ROWS = "predicted_rows"
GRADIENT_FROM = "gradient_from"
GRADIENT_SOURCE = "gradient_source"

# The request's header with the key that a predictor may demand for the extension; in gRPC's metadata too.
EXTENSION_KEY = "x-captum-extension-key"

# A response's output besides the stages' values, and its parameter.
GRADIENT = "gradient"
MODEL_DIGEST = "model_digest"

# Names that no stage may have.
RESERVED_NAMES = frozenset({COTANGENT, GRADIENT, *PATH_INPUTS})

# A text model's inputs: texts, or token ids and what describes them.
TEXT = "text"
TEXT_PAIR = "text_pair"
INPUT_IDS = "input_ids"
ATTENTION_MASK = "attention_mask"
TOKEN_TYPE_IDS = "token_type_ids"
POSITION_IDS = "position_ids"

# The outputs that describe a text's tokens.
TOKENS = "tokens"
SPECIAL_TOKENS_MASK = "special_tokens_mask"
OFFSETS = "offsets"
WORD_IDS = "word_ids"
SEQUENCE_IDS = "sequence_ids"
TRUNCATED_TOKENS = "truncated_tokens"

# A text model's stages that both sides know.
EMBEDDINGS = "embeddings"
EMBEDDING_SUM = "embedding_sum"
LOGITS = "logits"
