"""An explainer process's settings. They are plain values, because they are pickled into its workers."""

from dataclasses import dataclass, field
from typing import Any

from captum_serving.limits import DEFAULT_LIMITS, ClientLimits

LIME_IMAGES, LIME_TEXTS = "LimeImages", "LimeTexts"
# How AIX's flags and requests may write true and false.
TRUTHS = {"true": True, "t": True, "false": False, "f": False}


@dataclass(frozen=True)
class PredictorAddress:
    """Where the predictor is, and how to talk to it.

    Attributes:
        host: With its port, as in localhost:8081.
        protocol: The protocol for a predictor without the gradient extension, "v1" or "v2".
        use_ssl: Whether to use HTTPS.
        ca_bundle: A file of CA certificates to trust; None for the system's own.
        request_timeout_seconds: How long one answer may take.
        extension_key_file: A file with the key that the predictor demands; None if it demands none.
    """

    host: str
    protocol: str = "v1"
    use_ssl: bool = False
    ca_bundle: str | None = None
    request_timeout_seconds: float = 600.0
    extension_key_file: str | None = None


@dataclass(frozen=True)
class Limits:
    """How much one request may use. Each limit has a flag with its name."""

    deadline_seconds: float = 55.0
    max_waiting: int = 64
    max_call_bytes: int = 8 * 10**6
    max_instances: int = 1024
    max_characters: int = 1_000_000
    max_pixels: int = 50_000_000
    max_input_bytes: int = 64 * 2**20
    max_answer_bytes: int = 64 * 2**20
    max_steps: int = 1000
    max_samples: int = 10_000
    max_perturbations: int = 10_000
    max_rows: int = 10_000


@dataclass(frozen=True)
class AixDefaults:
    """Defaults for requests in the format of KServe's AIX explainer.

    Attributes:
        explainer_type: LIME_IMAGES or LIME_TEXTS, which this explainer stands in for; None if for neither.
        num_samples: LIME's samples.
        top_labels: How many of the likeliest labels are explained.
        segmentation_algorithm: How a picture is divided.
        positive_only: Mask only what speaks for a label.
        min_weight: The least coefficient of a segment in a mask.
    """

    explainer_type: str | None = None
    num_samples: int = 1000
    top_labels: int = 10
    segmentation_algorithm: str = "quickshift"
    positive_only: bool = True
    min_weight: float = 0.01


@dataclass(frozen=True)
class Settings:
    """All settings, for the service. Other code takes only the part that it needs.

    Attributes:
        model_name: The model that is explained.
        predictor: Where the predictor is.
        host: The address to listen on.
        concurrency: How many explanations a worker runs at once.
        limits: How much one explanation may take.
        client: What clients may take.
        defaults: The server's own defaults for parameters.
        service_envelope: Whether TorchServe's path answers `{"explanations": [...]}` ("kserve") or the bare list
            ("none").
        max_access: How much of the model explanations may use, and so reveal: scores, gradients or structure.
        model_version: The model's version in TorchServe's paths and in V2's answers.
        aix: How requests in AIX's format are answered.
    """

    model_name: str
    predictor: PredictorAddress
    host: str = "0.0.0.0"
    concurrency: int = 8
    limits: Limits = field(default_factory=Limits)
    client: ClientLimits = DEFAULT_LIMITS
    defaults: dict[str, Any] = field(default_factory=dict)
    service_envelope: str = "kserve"
    max_access: str = "structure"
    model_version: str = "1.0"
    aix: AixDefaults = field(default_factory=AixDefaults)
