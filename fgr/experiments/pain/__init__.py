"""Chapter 2: pain and emotion from faces in video, on generated people whose muscles are known and on archives."""
