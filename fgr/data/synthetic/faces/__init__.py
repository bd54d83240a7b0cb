"""Generated faces: heads with identity, age and gender, action units, landmarks, light, and things that hide them."""

from fgr.data.synthetic.faces.draw import FaceBatch, draw_faces
from fgr.data.synthetic.faces.emotions import EMOTIONS, EmotionVideos, emotion_videos, render_emotions
from fgr.data.synthetic.faces.factors import AUS, HAIR_STYLES, OCCLUDERS, SHAPE, FaceFactors, average_face
from fgr.data.synthetic.faces.pain import PainVideos, pain_videos, pspi, render_pain
from fgr.data.synthetic.faces.population import POPULATIONS
from fgr.data.synthetic.faces.regions import ACTION_REGIONS, AGE_REGIONS, FACE_REGIONS, REGIONS, region
from fgr.data.synthetic.faces.render import render_faces

__all__ = [
    "ACTION_REGIONS",
    "AGE_REGIONS",
    "AUS",
    "EMOTIONS",
    "FACE_REGIONS",
    "HAIR_STYLES",
    "OCCLUDERS",
    "POPULATIONS",
    "REGIONS",
    "SHAPE",
    "EmotionVideos",
    "FaceBatch",
    "FaceFactors",
    "PainVideos",
    "average_face",
    "draw_faces",
    "emotion_videos",
    "pain_videos",
    "pspi",
    "region",
    "render_emotions",
    "render_faces",
    "render_pain",
]
