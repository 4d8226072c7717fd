"""Identity: dlib's 128-d face embedding.

Its networks come from the package `face-recognition-models` (public domain), which is found but
never imported. Distances: same person about 0.3, another person about 0.8; L2, for the cosine of
these embeddings is compressed.
"""

from __future__ import annotations

import dlib
import numpy as np

from gaia_core.assets import packaged_file

PACKAGE = "face_recognition_models"
POINTS = "models/shape_predictor_5_face_landmarks.dat"
EMBEDDING = "models/dlib_face_recognition_resnet_model_v1.dat"
SHA256 = {
    POINTS: "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
    EMBEDDING: "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
}
# Side of the box that dlib's own detector gives, over the landmarks' height; the centre is the
# same (medians over the val identities).
BOX = 0.92


class IdentityEncoder:
    """Image and landmarks -> embedding.

    Raises:
        InputError: the package is missing, or a file is not the expected one.
    """

    def __init__(self) -> None:
        points, embedding = (str(packaged_file(PACKAGE, file, SHA256[file])) for file in SHA256)
        self._points = dlib.shape_predictor(points)
        self._network = dlib.face_recognition_model_v1(embedding)

    def encode(self, image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3), (K, 3) px -> (128,)"""
        low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
        half = BOX * (high[1] - low[1]) / 2
        left, top = ((low + high) / 2 - half).round().astype(int).tolist()
        right, bottom = ((low + high) / 2 + half).round().astype(int).tolist()
        image = np.ascontiguousarray(image)
        shape = self._points(image, dlib.rectangle(left, top, right, bottom))
        return np.array(self._network.compute_face_descriptor(image, shape))
